import { crc32c } from '@node-rs/crc32';
import { MiB } from '../../base/limits.js';
import { StoreDamaged } from '../errors.js';
import { readFully } from './files.js';
import {
  BLOCK_BYTES,
  type Frame,
  frameBytes,
  frameHeaderBytes,
  frameHeaderBytesAt,
  parseFrameHeader,
  sum,
} from './format.js';

/** An open segment file. */
export interface SegmentFile {
  fd: number;
  path: string;
}

/** The frames that begin before `end`, live or not, in order; room that was never filled, or whose header is damaged, is passed over. */
export async function* framesOf(file: SegmentFile, segment: number, end: number): AsyncGenerator<Frame> {
  for (let offset = BLOCK_BYTES; offset < end; ) {
    const frame = await frameAt(file, segment, offset, end);
    if (frame) yield frame;
    offset += frame ? frameBytes(frame.lengths) : BLOCK_BYTES;
  }
}

/** undefined: no whole frame header is there. */
export async function frameAt(
  { fd, path }: SegmentFile,
  segment: number,
  offset: number,
  end: number,
): Promise<Frame | undefined> {
  let header = await readFully(fd, offset, Math.min(BLOCK_BYTES, end - offset), path);
  const bytes = frameHeaderBytesAt(header);
  if (bytes === undefined || offset + bytes > end) return undefined;
  if (bytes > header.length) header = await readFully(fd, offset, bytes, path);
  const frame = parseFrameHeader(header.subarray(0, bytes));
  return frame?.segment === segment && frame.offset === offset ? frame : undefined;
}

const PIECE_BYTES = 1 * MiB;

/** The payload of a frame in pieces. @throws StoreDamaged behind the last one, unless they have the frame's CRC */
export async function* payloadOf({ fd, path }: SegmentFile, frame: Frame): AsyncGenerator<Buffer> {
  const { offset, lengths, first, payloadCrc } = frame;
  const start = offset + frameHeaderBytes(lengths.length);
  const end = start + sum(lengths);
  let crc = 0;
  for (let at = start; at < end; at += PIECE_BYTES) {
    const piece = await readFully(fd, at, Math.min(PIECE_BYTES, end - at), path);
    crc = crc32c(piece, crc);
    yield piece;
  }
  if (crc !== payloadCrc) throw new StoreDamaged(`${path}: run ${first} at byte ${offset} is damaged`);
}

/** @throws StoreDamaged where header or payload of the frame that a row names aren't as they were written */
export async function verifyFrame(file: SegmentFile, named: Frame): Promise<void> {
  const { segment, offset, first, lengths } = named;
  const end = offset + frameHeaderBytes(lengths.length) + sum(lengths);
  const frame = await frameAt(file, segment, offset, end);
  const same = frame && isSameFrame(frame, named) && frame.payloadCrc === named.payloadCrc;
  if (!same) throw new StoreDamaged(`${file.path}: the header of run ${first} at byte ${offset} is damaged`);
  for await (const _ of payloadOf(file, named));
}

export const isSameFrame = (a: Frame, b: Frame): boolean =>
  a.first === b.first && a.segment === b.segment && a.offset === b.offset && a.owner.equals(b.owner);
