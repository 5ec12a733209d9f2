import { createHmac } from 'node:crypto';
import { secretBuffer } from './secret.js';

const HASH_BYTES = 64;

/**
 * HKDF-SHA-512 (RFC 5869) in its two steps: `hkdfSync` of node:crypto has only both together, keeps a copy of the key until the next
 * garbage collection, and sets up a job for each call (10 µs against 5). The caller zeroes what comes back.
 */
export const hkdfExtractSha512 = (salt: Uint8Array, inputKey: Uint8Array): Buffer =>
  createHmac('sha512', salt).update(inputKey).digest();

/** `prk`: 64 bytes, or a key that is uniform already; `length`: bytes, 16,320 at most. The output is a `secretBuffer`. */
export function hkdfExpandSha512(prk: Uint8Array, info: Uint8Array, length: number): Buffer {
  const blocks = Math.ceil(length / HASH_BYTES);
  if (blocks > 255) throw new RangeError(`HKDF yields at most ${255 * HASH_BYTES} bytes`);
  const out = secretBuffer(length);
  let previous: Buffer | undefined;
  for (let i = 1; i <= blocks; i++) {
    const hmac = createHmac('sha512', prk);
    if (previous) hmac.update(previous);
    const block = hmac.update(info).update(Buffer.of(i)).digest();
    block.copy(out, (i - 1) * HASH_BYTES);
    previous?.fill(0);
    previous = block;
  }
  previous?.fill(0);
  return out;
}
