import { randomFillSync, randomUUID } from 'node:crypto';

// Drawing 16 bytes at a time costs a system call each; a pool makes it one per 16 KiB.
const pool = Buffer.allocUnsafeSlow(16 * 1024);
let used = pool.length;

/** A view of the pool, valid until the next call. */
function draw(bytes: number): Buffer {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.subarray(used - bytes, used);
}

/** 128 random bits: the identity of an object version, a part, a bucket, an upload. */
export function randomId(): Buffer {
  return Buffer.from(draw(16));
}

/** As AWS prints them: 16 upper-case characters in `x-amz-request-id`. */
export function requestId(): string {
  return draw(8).toString('hex').toUpperCase();
}

/** The `x-amz-id-2` of an answer: opaque base64. */
export function hostId(): string {
  return draw(48).toString('base64');
}

export { randomUUID };
