import type { WrappedKey } from '../../store/records.js';
import type { PartOpener } from '../body/reader.js';
import type { PartSealer } from '../body/writer.js';

/** The opened data key of one object version: seals and opens its parts and its checksums. */
export interface ObjectCipher {
  readonly wrapped: WrappedKey;
  /** Are checksums sealed under the data key (SSE-C, SSE-KMS, DSSE-KMS)? */
  readonly sealsChecksums: boolean;
  seal(partId: Buffer): PartSealer;
  open(partId: Buffer, sizeBytes: number, chunkBytes: number, start: number, end: number): PartOpener;
  sealText(text: string): string;
  openText(sealed: string): string;
  /** Zeroes the key. */
  dispose(): void;
}
