import { u32, u64 } from '../../base/bytes.js';
import { OWNER_BYTES } from '../commit-limits.js';
import { StoreDamaged } from '../errors.js';
import { type Frame, hasCrc, lengthList, parseLengthList, withCrc } from './format.js';

/** Values of the value log's rows in `blob` (storage/README.md). */

const PLACE_FIXED_BYTES = OWNER_BYTES + 4 + 8 + 8 + 4;
const CRC_BYTES = 4;
const SEGMENT_ROW_BYTES = 8 + 8 + 4 + 1 + CRC_BYTES;

/** The reverse row of a run that lies in a segment. */
export const placeRow = ({ owner, lengths, segment, offset, payloadCrc }: Frame): Buffer =>
  withCrc(Buffer.concat([owner, u32(lengths.length), u64(segment), u64(offset), u32(payloadCrc), lengthList(lengths)]));

/** Reverse rows of runs whose values are rows themselves are shorter. */
export const isPlaceRow = (row: Buffer): boolean => row.length > PLACE_FIXED_BYTES;

/** @throws StoreDamaged */
export function parsePlaceRow(first: number, row: Buffer): Frame {
  const count = row.length > PLACE_FIXED_BYTES ? row.readUInt32BE(OWNER_BYTES) : 0;
  if (row.length !== PLACE_FIXED_BYTES + 4 * count + CRC_BYTES || !hasCrc(row)) {
    throw new StoreDamaged(`reverse row of blob ${first} is damaged`);
  }
  return {
    first,
    owner: row.subarray(0, OWNER_BYTES),
    segment: Number(row.readBigUInt64BE(OWNER_BYTES + 4)),
    offset: Number(row.readBigUInt64BE(OWNER_BYTES + 12)),
    payloadCrc: row.readUInt32BE(OWNER_BYTES + 20),
    lengths: parseLengthList(row.subarray(PLACE_FIXED_BYTES, -CRC_BYTES)),
  };
}

export interface SegmentRow {
  /** Where the last frame that ever had a row ends. */
  end: number;
  /** Of frames that have a row, header and filler included. */
  liveBytes: number;
  liveRuns: number;
  sealed: boolean;
}

export const segmentRow = ({ end, liveBytes, liveRuns, sealed }: SegmentRow): Buffer =>
  withCrc(Buffer.concat([u64(end), u64(liveBytes), u32(liveRuns), Buffer.of(sealed ? 1 : 0)]));

/** @throws StoreDamaged */
export function parseSegmentRow(segment: number, row: Buffer): SegmentRow {
  if (row.length !== SEGMENT_ROW_BYTES || !hasCrc(row))
    throw new StoreDamaged(`the row of segment ${segment} is damaged`);
  return {
    end: Number(row.readBigUInt64BE(0)),
    liveBytes: Number(row.readBigUInt64BE(8)),
    liveRuns: row.readUInt32BE(16),
    sealed: row[20] === 1,
  };
}
