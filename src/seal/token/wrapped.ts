import { randomBytes } from 'node:crypto';
import { Secret, secretBuffer } from '../../base/secret.js';
import { GCM_TAG_BYTES } from '../../pkcs11/library.js';

const IV_BYTES = 12;
/** What GCM adds: nonce and tag. */
export const SEALING_BYTES = IV_BYTES + GCM_TAG_BYTES;

/** nonce ‖ ciphertext ‖ tag, of a nonce that is drawn here. */
export async function joined(encrypt: (iv: Buffer) => Promise<Uint8Array>): Promise<Buffer> {
  const iv = randomBytes(IV_BYTES);
  return Buffer.concat([iv, await encrypt(iv)]);
}

/** What stands in `bytes` from `start` on, as `joined` made it. */
export async function openedAt(
  bytes: Buffer,
  start: number,
  decrypt: (iv: Buffer, ciphertext: Buffer) => Promise<Uint8Array>,
): Promise<Secret> {
  const end = start + IV_BYTES;
  const plaintext = await decrypt(Buffer.from(bytes.subarray(start, end)), Buffer.from(bytes.subarray(end)));
  const own = secretBuffer(plaintext.length);
  own.set(plaintext);
  // What came out of the message; the process that sent it is about to end.
  plaintext.fill(0);
  return new Secret(own);
}
