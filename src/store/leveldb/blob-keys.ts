import { u32, u64 } from '../../base/bytes.js';
import { OWNER_BYTES } from '../commit-limits.js';
import { StoreDamaged } from '../errors.js';

/**
 * Keys of `blob`. Everything a put writes lies next to each other and behind everything older: then LevelDB's flushed tables
 * don't overlap, go down unmerged, and a byte is written twice (log and table) instead of five times.
 */

/** Numbers below this may have been used. Sorts before all values, so that its table overlaps nothing that comes later. */
export const MARK_KEY = Buffer.of(0);

/** A value: its number. */
export const valueKey = (number: number): Buffer => u64(number);

/** The reverse row of the run that starts at `first`: right behind its first value. */
export const reverseKey = (first: number): Buffer => Buffer.concat([u64(first), Buffer.of(0)]);

const SEGMENT_KIND = 1;

/** The row of a segment of the value log: among the numbers of its time. */
export const segmentKey = (segment: number): Buffer => Buffer.concat([u64(segment), Buffer.of(SEGMENT_KIND)]);

const VALUE_KEY_BYTES = 8;

export const isValueKey = (key: Buffer): boolean => key.length === VALUE_KEY_BYTES;

export const isSegmentKey = (key: Buffer): boolean => key[VALUE_KEY_BYTES] === SEGMENT_KIND;

export const numberOf = (key: Buffer): number => Number(key.readBigUInt64BE(0));

/** 16-byte owner ‖ u32 count. */
export const reverseRow = (owner: Uint8Array, count: number): Buffer => Buffer.concat([owner, u32(count)]);

export function parseReverseRow(first: number, row: Buffer): { owner: Buffer; count: number } {
  if (row.length !== OWNER_BYTES + 4) throw new StoreDamaged(`reverse row of blob ${first} is damaged`);
  return { owner: row.subarray(0, OWNER_BYTES), count: row.readUInt32BE(OWNER_BYTES) };
}
