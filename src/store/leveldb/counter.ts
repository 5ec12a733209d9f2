import { u64 } from '../../base/bytes.js';
import { StoreDamaged } from '../errors.js';

/** Engine rows start with 00 (commit-limits.ts). This one goes with every group of commits. */
export const COUNTER_KEY = Buffer.of(0, 0x63);

/**
 * u64 number of the group ‖ u64 number of the last operation in `blob` that was durable then. Blobs are durable before the
 * commit that names them: a `blob` that ends before that number has lost something.
 */
export interface Counter {
  group: number;
  blobSequence: number;
}

export const encodeCounter = ({ group, blobSequence }: Counter): Buffer =>
  Buffer.concat([u64(group), u64(blobSequence)]);

export function parseCounter(row: Buffer | undefined): Counter {
  if (!row) return { group: 0, blobSequence: 0 };
  if (row.length !== 16) throw new StoreDamaged('the counter row of meta is damaged');
  return { group: Number(row.readBigUInt64BE(0)), blobSequence: Number(row.readBigUInt64BE(8)) };
}

/** Empty; there from the moment on that the store keeps a file `progress` (progress.ts). */
export const PROGRESS_KEY = Buffer.of(0, 0x70);
