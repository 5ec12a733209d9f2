import { randomFillSync } from 'node:crypto';

// Drawing a few bytes at a time costs microseconds each; a pool makes it one call per 16 KiB.
const pool = Buffer.allocUnsafeSlow(16 * 1024);
let used = pool.length;

/**
 * Random bytes for what is public anyway: ids, nonces. Never for a key: bytes lie in the pool before they are drawn, and after.
 * A view of the pool, valid until the next call. `bytes`: 16 KiB at most.
 */
export function drawPublic(bytes: number): Buffer {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.subarray(used - bytes, used);
}
