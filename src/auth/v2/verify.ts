import { createHmac } from 'node:crypto';
import { Mac } from '../../base/mac.js';
import type { Credential, SignedRequest } from '../ports.js';
import { signatureMismatch } from '../refusals.js';
import { isBareBucket } from './resource.js';
import { type SignedParts, stringToSign } from './string-to-sign.js';

export const VERSION = 'AWS';

/**
 * Passes where one of the readings was signed, or one of what clients make of them; each binds the same request.
 * @throws AuthError SignatureDoesNotMatch, which shows the first reading
 */
export function requireSignature(
  { accessKeyId, secretAccessKey }: Credential,
  request: SignedRequest,
  signature: string,
  readings: readonly SignedParts[],
): void {
  const secret = secretAccessKey.expose();
  for (const variant of isBareBucket(request) ? [{}, { slash: true }, { fold: true }] : [{}, { fold: true }]) {
    for (const reading of readings) {
      if (matches(secret, stringToSign(request, { ...reading, ...variant }), signature)) return;
    }
  }
  throw signatureMismatch(accessKeyId, signature, stringToSign(request, readings[0]!));
}

/** Base64 of an HMAC-SHA-1, compared in constant time. */
export function matches(secret: Buffer, text: string, signature: string): boolean {
  const expected = createHmac('sha1', secret).update(text, 'utf8').digest();
  return new Mac(expected).equals(Buffer.from(signature, 'base64'));
}
