import { randomBytes, randomFillSync, randomUUID } from 'node:crypto';

// Drawing 16 bytes at a time costs a system call each; a pool makes it one per 4 KiB.
const pool = Buffer.allocUnsafeSlow(4096);
let used = pool.length;

/** 128 random bits: the identity of an object version, a part, a bucket, an upload. */
export function randomId(): Buffer {
  if (used + 16 > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const id = Buffer.from(pool.subarray(used, used + 16));
  used += 16;
  return id;
}

/** As AWS prints them: 16 upper-case characters in `x-amz-request-id`. */
export function requestId(): string {
  return randomId().subarray(0, 8).toString('hex').toUpperCase();
}

/** The `x-amz-id-2` of an answer: opaque base64. */
export function hostId(): string {
  return randomBytes(48).toString('base64');
}

export { randomUUID };
