import { crc32c } from '@node-rs/crc32';
import { u32, u64, utf8 } from '../../base/bytes.js';
import { BLOB_RUN_MAX_VALUES, KiB } from '../../base/limits.js';
import { OWNER_BYTES } from '../commit-limits.js';

/** Bytes of a segment file (storage/README.md): a header, and frames at multiples of a block. */

/** Frames begin at multiples of this: a block with something durable in it is never written again. */
export const BLOCK_BYTES = 4 * KiB;

const SEGMENT_MAGIC = utf8('coffseg1');
const FRAME_MAGIC = utf8('coffrun1');
const CRC_BYTES = 4;
const STORE_ID_BYTES = 16;
export const SEGMENT_HEADER_BYTES = SEGMENT_MAGIC.length + 8 + STORE_ID_BYTES + CRC_BYTES;
/** Without lengths and CRC. */
const FRAME_FIXED_BYTES = FRAME_MAGIC.length + 8 + 8 + 8 + OWNER_BYTES + 4 + 4;

export interface Frame {
  segment: number;
  /** Of the frame in the segment, in bytes. */
  offset: number;
  /** The number of its first value. */
  first: number;
  owner: Buffer;
  /** Bytes of its values. */
  lengths: number[];
  /** crc32c of the values, one behind the other. */
  payloadCrc: number;
}

export const alignUp = (bytes: number): number => Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;

/** Where the payload of a frame of so many values starts, from the frame's start. */
export const frameHeaderBytes = (count: number): number => FRAME_FIXED_BYTES + 4 * count + CRC_BYTES;

export const sum = (lengths: readonly number[]): number => lengths.reduce((total, length) => total + length, 0);

/** What the frame takes of its segment: whole blocks. */
export const frameBytes = (lengths: readonly number[]): number =>
  alignUp(frameHeaderBytes(lengths.length) + sum(lengths));

export function segmentHeader(segment: number, storeId: string): Buffer {
  return withCrc(Buffer.concat([SEGMENT_MAGIC, u64(segment), storeIdBytes(storeId)]));
}

export function frameHeader({ segment, offset, first, owner, lengths, payloadCrc }: Frame): Buffer {
  return withCrc(
    Buffer.concat([
      FRAME_MAGIC,
      u64(segment),
      u64(offset),
      u64(first),
      owner,
      u32(lengths.length),
      u32(payloadCrc),
      lengthList(lengths),
    ]),
  );
}

/** How many bytes the header has that starts here, as far as its first block tells; undefined: none starts here. */
export function frameHeaderBytesAt(block: Buffer): number | undefined {
  if (block.length < FRAME_FIXED_BYTES || !block.subarray(0, FRAME_MAGIC.length).equals(FRAME_MAGIC)) return undefined;
  const count = block.readUInt32BE(FRAME_FIXED_BYTES - 8);
  return count < 1 || count > BLOB_RUN_MAX_VALUES ? undefined : frameHeaderBytes(count);
}

/** `header` has as many bytes as `frameHeaderBytesAt` says. undefined: it is damaged. */
export function parseFrameHeader(header: Buffer): Frame | undefined {
  if (!hasCrc(header)) return undefined;
  const at = FRAME_MAGIC.length;
  const number = (index: number): number => Number(header.readBigUInt64BE(at + 8 * index));
  return {
    segment: number(0),
    offset: number(1),
    first: number(2),
    owner: Buffer.from(header.subarray(at + 24, at + 24 + OWNER_BYTES)),
    payloadCrc: header.readUInt32BE(FRAME_FIXED_BYTES - 4),
    lengths: parseLengthList(header.subarray(FRAME_FIXED_BYTES, -CRC_BYTES)),
  };
}

export function lengthList(lengths: readonly number[]): Buffer {
  const out = Buffer.allocUnsafe(4 * lengths.length);
  for (const [i, length] of lengths.entries()) out.writeUInt32BE(length, 4 * i);
  return out;
}

export const parseLengthList = (bytes: Buffer): number[] =>
  Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32BE(4 * i));

/** Bytes and the crc32c of them. */
export const withCrc = (bytes: Buffer): Buffer => Buffer.concat([bytes, u32(crc32c(bytes))]);

export const hasCrc = (bytes: Buffer): boolean =>
  bytes.length > CRC_BYTES && crc32c(bytes.subarray(0, -CRC_BYTES)) === bytes.readUInt32BE(bytes.length - CRC_BYTES);

const storeIdBytes = (storeId: string): Buffer => Buffer.from(storeId.replaceAll('-', ''), 'hex');
