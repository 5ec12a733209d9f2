import { AuthError, forService } from './error.js';
import { headerText } from './header-text.js';
import type { Authenticated, AuthOptions } from './options.js';
import { CONTENT_SHA256, UNSIGNED, wrapPayload } from './payload.js';
import { ANONYMOUS, type SignedRequest } from './ports.js';
import { queryParameters } from './query.js';
import { onlyOneMechanism, requireV2, signatureMismatch, unsupportedMechanism, unsupportedScheme } from './refusals.js';
import { byHeader as byHeaderV2 } from './v2/header.js';
import { byQuery as byQueryV2 } from './v2/query.js';
import { VERSION as V2 } from './v2/verify.js';
import { byHeader, claimOfHeader } from './v4/header.js';
import { byQuery, claimOfQuery } from './v4/query.js';
import { ALGORITHM, type BodilessClaim, checkClaim } from './v4/verify.js';

export type { Authenticated, AuthOptions } from './options.js';

/**
 * Who sent the request, by Signature Version 4 (or 2, where it is allowed) in a header or in the query. Without either: anonymous.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
 * @throws AuthError
 */
export function authenticate(request: SignedRequest, options: AuthOptions): Authenticated {
  try {
    return choose(request, options);
  } catch (error) {
    throw error instanceof AuthError ? forService(error, options.service) : error;
  }
}

/**
 * Refuses what no body could make good: no signature, a malformed one, an unknown key, a wrong date, headers that aren't signed.
 * For services that read the body before they can check the signature: strangers don't get so far.
 * @throws AuthError, as `authenticate` would
 */
export function requirePlausible(request: SignedRequest, options: AuthOptions): void {
  try {
    const { authorization, query, v4, v2 } = mechanisms(request);
    if (authorization?.startsWith(ALGORITHM) && !v4 && !v2) {
      checkPlausible(request, options, claimOfHeader(request, options, authorization));
    } else if (authorization === undefined && query && v4) {
      const { payload: _, ...claim } = claimOfQuery(request, options, query);
      checkPlausible(request, options, claim);
    } else choose(request, options);
  } catch (error) {
    throw error instanceof AuthError ? forService(error, options.service) : error;
  }
}

function checkPlausible(request: SignedRequest, options: AuthOptions, claim: BodilessClaim): void {
  const { credential, signature } = claim;
  checkClaim(request, options, claim);
  if (!SIGNATURE.test(signature)) throw signatureMismatch(credential.accessKeyId, signature, '');
}

const SIGNATURE = /^[0-9a-f]{64}$/;

/** Whether head or query of a request hold a signature, or part of one. */
export function carriesSignature(request: SignedRequest): boolean {
  const { authorization, v4, v2 } = mechanisms(request);
  return authorization !== undefined || v4 || v2;
}

function mechanisms({ headers, rawQuery }: SignedRequest) {
  const query = IN_QUERY.test(rawQuery) ? queryParameters(rawQuery) : undefined;
  const has = (name: string): boolean => query?.has(name) === true;
  return {
    // An empty header is none.
    authorization: headerText(headers.authorization)?.trim() || undefined,
    query,
    v4: has('X-Amz-Algorithm') || has('X-Amz-Signature') || has('X-Amz-Credential'),
    v2: has('AWSAccessKeyId') || has('Signature'),
  };
}

function choose(request: SignedRequest, options: AuthOptions): Authenticated {
  const { authorization, query, v4, v2 } = mechanisms(request);
  if (authorization !== undefined && (v4 || v2)) throw onlyOneMechanism(authorization);
  if (authorization?.startsWith(ALGORITHM)) return byHeader(request, options, authorization);
  if (authorization !== undefined) {
    const scheme = authorization.split(' ', 1)[0]!;
    // Another variant of V4 is a mechanism that isn't supported; anything else is no mechanism of S3's.
    if (options.service !== 's3' || scheme.startsWith('AWS4-')) throw unsupportedMechanism();
    if (scheme !== V2) throw unsupportedScheme(authorization);
    requireV2(options);
    return byHeaderV2(request, options, authorization);
  }
  if (query && v4) return byQuery(request, options, query);
  if (query && v2) {
    requireV2(options);
    return byQueryV2(request, options, query);
  }
  return anonymous(request, options);
}

/** What a signature in the query is recognised by; few queries have it. */
const IN_QUERY = /(X-Amz-|AWSAccessKeyId|Signature)/;

function anonymous(request: SignedRequest, { service }: AuthOptions): Authenticated {
  if (service !== 's3') {
    const code = service === 'sts' ? 'MissingAuthenticationToken' : 'MissingAuthenticationTokenException';
    throw new AuthError(code, service === 'sts' ? 403 : 400, 'Missing Authentication Token');
  }
  const payload = headerText(request.headers[CONTENT_SHA256]) ?? UNSIGNED;
  return {
    caller: ANONYMOUS,
    signature: { type: 'anonymous', version: '', ageMs: 0, region: '' },
    wrapBody: (raw) => wrapPayload(raw, request, payload, undefined),
  };
}
