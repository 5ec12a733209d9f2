import { BLOB_BATCH_MAX_BYTES, BLOB_VALUE_BYTES } from '../../base/limits.js';
import { BlobMissing, StoreDamaged, StoreUnavailable } from '../errors.js';
import type { BlobSnapshot, Run } from '../ports.js';
import { headerBytes, hex, parseHeader } from './format.js';

/** Runs whose values have been found: a reader goes from one to the next. */
const KNOWN_MAX = 4;

/** `length` bytes of a run's object from `start` on. */
type Get = (owner: Uint8Array, run: Run, start: number, length: number) => Promise<Buffer | undefined>;

/** Freezes nothing: a run that is deleted is missing from then on. */
export class RunObjectSnapshot implements BlobSnapshot {
  /** By owner and number: where the values lie. Objects never change. */
  readonly #known = new Map<string, number[]>();
  #closed = false;

  constructor(private readonly get: Get) {}

  async read(owner: Uint8Array, run: Run, from: number, count: number): Promise<Buffer[]> {
    if (this.#closed) throw new StoreUnavailable('the snapshot is closed');
    if (from + count > run.count) throw missing(owner, run);
    const key = `${hex(owner)} ${run.first} ${run.count}`;
    let offsets = this.#known.get(key);
    let ahead: Buffer | undefined;
    if (!offsets) {
      // Whoever begins at the beginning gets the values with it, where they are as long as they are as a rule.
      const guess = from === 0 ? Math.min(count * BLOB_VALUE_BYTES, BLOB_BATCH_MAX_BYTES) : 0;
      ahead = await this.#get(owner, run, 0, headerBytes(run.count) + guess);
      offsets = parseHeader(owner, run, ahead);
      if (!offsets) throw missing(owner, run);
      this.#keep(key, offsets);
    }
    const start = offsets[from]!;
    const end = offsets[from + count]!;
    let bytes = from === 0 && ahead && ahead.length >= end ? ahead.subarray(start, end) : undefined;
    bytes ??= start === end ? Buffer.alloc(0) : await this.#get(owner, run, start, end - start);
    if (bytes.length < end - start) {
      throw new StoreDamaged(`the object of run ${run.first} of ${hex(owner)} is cut off`);
    }
    return Array.from({ length: count }, (_, i) =>
      bytes.subarray(offsets[from + i]! - start, offsets[from + i + 1]! - start),
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#known.clear();
  }

  async #get(owner: Uint8Array, run: Run, start: number, length: number): Promise<Buffer> {
    const bytes = await this.get(owner, run, start, length);
    if (!bytes) throw missing(owner, run);
    return bytes;
  }

  #keep(key: string, offsets: number[]): void {
    this.#known.set(key, offsets);
    if (this.#known.size > KNOWN_MAX) this.#known.delete(this.#known.keys().next().value!);
  }
}

const missing = (owner: Uint8Array, { first, count }: Run): BlobMissing =>
  new BlobMissing(`run ${first} of ${count} blobs of ${hex(owner)} is missing`);
