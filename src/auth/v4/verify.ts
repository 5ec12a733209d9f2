import type { KeyObject } from 'node:crypto';
import { equalSha256 } from '../../base/mac.js';
import { canonicalHash, canonicalRequest } from '../canonical.js';
import { chunkSigner } from '../chunk-signer.js';
import { AuthError } from '../error.js';
import { headerText } from '../header-text.js';
import type { Authenticated, AuthOptions } from '../options.js';
import { CONTENT_SHA256, wrapPayload } from '../payload.js';
import type { Credential, SignedRequest } from '../ports.js';
import { findCredential, refuseToken, signatureMismatch } from '../refusals.js';
import { type ParsedCredential, scopeText } from '../scope.js';
import { sign, signingKey } from '../signing-key.js';

export const ALGORITHM = 'AWS4-HMAC-SHA256';

/** What a request says of its signature, its form checked. */
export interface Claim {
  credential: ParsedCredential;
  signedHeaders: string[];
  signature: string;
  /** As X-Amz-Date. */
  date: string;
  dateMs: number;
  payload: string;
  tokenInQuery?: string | undefined;
}

/** `payload` is absent until the body is there. */
export type BodilessClaim = Omit<Claim, 'payload'> & Partial<Pick<Claim, 'payload'>>;

/** All that can be said of a signature before the body is known. @throws AuthError InvalidAccessKeyId, InvalidToken, AccessDenied */
export function checkClaim(request: SignedRequest, options: AuthOptions, claim: BodilessClaim): Credential {
  const found = findCredential(options, claim.credential.accessKeyId);
  refuseToken(headerText(request.headers['x-amz-security-token']) ?? claim.tokenInQuery);
  requireSigned(request, claim, options);
  return found;
}

/** @throws AuthError InvalidAccessKeyId, InvalidToken, AccessDenied, SignatureDoesNotMatch */
export function verify(
  request: SignedRequest,
  options: AuthOptions,
  claim: Claim,
  type: 'REST-HEADER' | 'REST-QUERY-STRING',
): Authenticated {
  const { credential, signedHeaders, signature, date, payload } = claim;
  const found = checkClaim(request, options, claim);
  const without = type === 'REST-QUERY-STRING' ? 'X-Amz-Signature' : undefined;
  const canonical = canonicalRequest(request, signedHeaders, payload, without);
  const scope = scopeText(credential);
  const stringToSign = `${ALGORITHM}\n${date}\n${scope}\n${canonicalHash(canonical)}`;
  const key = signingKey(credential.accessKeyId, found.secretAccessKey, credential);
  if (!matches(key, stringToSign, signature)) {
    throw signatureMismatch(credential.accessKeyId, signature, stringToSign, canonical);
  }
  const signer = chunkSigner(signature, key, date, scope);
  const ageMs = options.clock.now() - claim.dateMs;
  return {
    caller: found.caller,
    signature: { type, version: ALGORITHM, ageMs, region: credential.region },
    wrapBody: (raw) => (options.service === 's3' ? wrapPayload(raw, request, payload, signer) : raw),
  };
}

/** As AWS says it of one header, `X-Amz-Target` for one. */
function notSigned(name: string): string {
  const shown =
    name === 'host' ? "'Host' or ':authority'" : `'${name.replace(/(^|-)[a-z]/g, (one) => one.toUpperCase())}'`;
  return `${shown} must be a 'SignedHeader' in the AWS Authorization.`;
}

/** `signature` in hex, compared in constant time. */
export const matches = (key: KeyObject, stringToSign: string, signature: string): boolean =>
  equalSha256(sign(key, stringToSign), signature);

/** Signed must be the host and every `x-amz-` header that was sent: `x-amz-target` says what is asked for. */
function requireSigned(
  request: SignedRequest,
  { signedHeaders, payload }: BodilessClaim,
  { service }: AuthOptions,
): void {
  const unsigned: string[] = [];
  if (!signedHeaders.includes('host')) unsigned.push('host');
  for (const name in request.headers) {
    if (!name.startsWith('x-amz-') || signedHeaders.includes(name)) continue;
    // Its value is signed where it is what the body was hashed to.
    if (name === CONTENT_SHA256 && payload === undefined) continue;
    if (name !== CONTENT_SHA256 || headerText(request.headers[name]) !== payload) unsigned.push(name);
  }
  if (unsigned.length === 0) return;
  if (service !== 's3') throw new AuthError('HeaderNotSigned', 403, notSigned(unsigned[0]!));
  throw new AuthError('AccessDenied', 403, 'There were headers present in the request which were not signed', {
    HeadersNotSigned: unsigned.join(', '),
  });
}
