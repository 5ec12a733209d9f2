import { createHash, timingSafeEqual } from 'node:crypto';
import { u64 } from '../../base/bytes.js';
import { randomId } from '../../base/ids.js';
import { decodeUploadId, encodeUploadId } from '../../store/uploads.js';

let lastMicros = 0;

const RANDOM_BYTES = 12;
const MARK_BYTES = 4;

/**
 * Uploads of one key are listed in the order they began: time in microseconds, made to grow where the clock doesn't, ‖ 12 random
 * bytes ‖ 4 bytes that name the key. By those a page of a listing that goes on behind an upload which ended meanwhile is told from
 * one that goes on behind another key's.
 */
export function newUploadId(nowMs: number, key: string): string {
  lastMicros = Math.max(lastMicros + 1, nowMs * 1000);
  return encodeUploadId(Buffer.concat([u64(lastMicros), randomId().subarray(0, RANDOM_BYTES), markOf(key)]));
}

/** May the upload have been one of this key? */
export function isUploadOf(uploadId: string, key: string): boolean {
  const mark = decodeUploadId(uploadId)?.subarray(-MARK_BYTES);
  return mark !== undefined && timingSafeEqual(mark, markOf(key));
}

const markOf = (key: string): Buffer => createHash('sha256').update(key).digest().subarray(0, MARK_BYTES);
