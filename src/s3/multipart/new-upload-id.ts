import { u64 } from '../../base/bytes.js';
import { randomId } from '../../base/ids.js';
import { encodeUploadId } from '../../store/uploads.js';

let lastMicros = 0;

/** Uploads of one key are listed in the order they began: time in microseconds, made to grow where the clock doesn't, ‖ 16 random bytes. */
export function newUploadId(nowMs: number): string {
  lastMicros = Math.max(lastMicros + 1, nowMs * 1000);
  return encodeUploadId(Buffer.concat([u64(lastMicros), randomId()]));
}
