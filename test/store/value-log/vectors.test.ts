import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  type Frame,
  frameHeader,
  frameHeaderBytesAt,
  parseFrameHeader,
  segmentHeader,
  sum,
} from '../../../src/store/value-log/format.js';
import { parsePlaceRow, parseSegmentRow, placeRow, segmentRow } from '../../../src/store/value-log/rows.js';

interface Vectors {
  storeId: string;
  segment: number;
  segmentRow: string;
  runs: { first: number; owner: string; lengths: number[]; sha256: string; deleted: boolean; row?: string }[];
  bytes: string;
}

/** Read by the second reader too (test/second-reader/segments.py). */
const vectors: Vectors = JSON.parse(
  readFileSync(new URL('../../../fixtures/vectors/segment.json', import.meta.url), 'utf8'),
);
const file = Buffer.from(vectors.bytes, 'base64');

test('headers of segments and frames, and the rows that name them, are read and written byte for byte as ever', () => {
  const header = segmentHeader(vectors.segment, vectors.storeId);
  expect(file.subarray(0, header.length)).toEqual(header);
  const state = parseSegmentRow(vectors.segment, Buffer.from(vectors.segmentRow, 'hex'));
  expect(segmentRow(state).toString('hex')).toBe(vectors.segmentRow);
  expect(state).toMatchObject({ end: file.length, liveRuns: 3, sealed: false });
  for (const { first, owner, lengths, sha256, deleted, row } of vectors.runs) {
    expect(row === undefined).toBe(deleted);
    if (row === undefined) continue;
    const place = parsePlaceRow(first, Buffer.from(row, 'hex'));
    expect(place).toMatchObject({ segment: vectors.segment, first, owner: Buffer.from(owner, 'hex'), lengths });
    expect(placeRow(place).toString('hex')).toBe(row);
    const block = file.subarray(place.offset);
    const bytes = frameHeaderBytesAt(block)!;
    const frame: Frame = parseFrameHeader(block.subarray(0, bytes))!;
    expect(frame).toEqual(place);
    expect(frameHeader(frame)).toEqual(block.subarray(0, bytes));
    const payload = block.subarray(bytes, bytes + sum(lengths));
    expect(createHash('sha256').update(payload).digest('hex')).toBe(sha256);
  }
});

test('a flipped bit in a row or a header is noticed, wherever it is', () => {
  const row = Buffer.from(vectors.runs[0]!.row!, 'hex');
  const state = Buffer.from(vectors.segmentRow, 'hex');
  const { offset } = parsePlaceRow(vectors.runs[0]!.first, row);
  const header = file.subarray(offset, offset + frameHeaderBytesAt(file.subarray(offset))!);
  const flipped = (bytes: Buffer, at: number): Buffer => {
    const copy = Buffer.from(bytes);
    copy[at]! ^= 0x10;
    return copy;
  };
  for (let at = 0; at < row.length; at++) expect(() => parsePlaceRow(1, flipped(row, at))).toThrow('is damaged');
  for (let at = 0; at < state.length; at++) expect(() => parseSegmentRow(1, flipped(state, at))).toThrow('is damaged');
  for (let at = 0; at < header.length; at++) {
    const copy = flipped(header, at);
    const bytes = frameHeaderBytesAt(copy);
    if (bytes === header.length) expect(parseFrameHeader(copy), `byte ${at}`).toBeUndefined();
  }
});
