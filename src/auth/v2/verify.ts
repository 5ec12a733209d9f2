import { createHmac } from 'node:crypto';
import { Mac } from '../../base/mac.js';
import type { Credential, SignedRequest } from '../ports.js';
import { signatureMismatch } from '../refusals.js';
import { hasEmptyValue, isBareBucket, type ResourceForm } from './resource.js';
import { type SignedParts, stringToSign } from './string-to-sign.js';

export const VERSION = 'AWS';

/** What clients make of one and the same resource: `/bucket/` for `/bucket`, and `?acl=` for `?acl`. */
function variantsOf(request: SignedRequest): readonly ResourceForm[] {
  const bare = isBareBucket(request);
  const empty = hasEmptyValue(request);
  if (!bare && !empty) return [{}];
  const slashes = bare ? [false, true] : [false];
  const emptyValues = empty ? (['bare', 'equals'] as const) : (['bare'] as const);
  return slashes.flatMap((slash) => emptyValues.map((emptyValue) => ({ slash, emptyValue })));
}

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
  for (const variant of variantsOf(request)) {
    for (const reading of readings) {
      if (matches(secret, stringToSign(request, { ...reading, ...variant }), signature)) return;
    }
  }
  throw signatureMismatch(accessKeyId, signature, stringToSign(request, readings[0]!));
}

/** Base64 of an HMAC-SHA-1 of a text of bytes, compared in constant time. */
export function matches(secret: Buffer, text: string, signature: string): boolean {
  const expected = createHmac('sha1', secret).update(text, 'latin1').digest();
  return new Mac(expected).equals(Buffer.from(signature, 'base64'));
}
