import { bytesOfText } from '../../base/byte-text.js';
import { CLOCK_SKEW_MAX_MS, PRESIGN_MAX_SECONDS } from '../../base/limits.js';
import { sha256Hex } from '../canonical.js';
import { isoSeconds, parseAmzDate } from '../date.js';
import { AuthError } from '../error.js';
import { headerText } from '../header-text.js';
import type { Authenticated, AuthOptions } from '../options.js';
import { CONTENT_SHA256, UNSIGNED } from '../payload.js';
import type { SignedRequest } from '../ports.js';
import { requireCredential, requireSameDay } from './credential.js';
import { ALGORITHM, type Claim, verify } from './verify.js';

const NAMES = [
  'X-Amz-Algorithm',
  'X-Amz-Credential',
  'X-Amz-Signature',
  'X-Amz-Date',
  'X-Amz-SignedHeaders',
  'X-Amz-Expires',
];

/** Presigned URLs. https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html */
export function byQuery(
  request: SignedRequest,
  options: AuthOptions,
  query: ReadonlyMap<string, string>,
): Authenticated {
  return verify(request, options, claimOfQuery(request, options, query), 'REST-QUERY-STRING');
}

export function claimOfQuery(request: SignedRequest, options: AuthOptions, query: ReadonlyMap<string, string>): Claim {
  if (NAMES.some((name) => query.get(name) === undefined)) {
    throw fail(
      'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.',
    );
  }
  if (query.get('X-Amz-Algorithm') !== ALGORITHM)
    throw fail('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"');
  const credential = requireCredential(query.get('X-Amz-Credential')!, options, badCredential);
  const date = query.get('X-Amz-Date')!;
  const dateMs = parseAmzDate(date);
  if (dateMs === undefined) throw fail("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
  requireSameDay(credential, date, badCredential);
  requireInTime(query.get('X-Amz-Expires')!, dateMs, options.clock.now());
  // What a service's body hashes to is known once it is there; until then nothing is compared with it.
  const payload =
    options.service === 's3'
      ? (headerText(request.headers[CONTENT_SHA256]) ?? query.get('X-Amz-Content-Sha256') ?? UNSIGNED)
      : sha256Hex(options.body ?? '');
  const signedHeaders = bytesOfText(query.get('X-Amz-SignedHeaders')!).split(';');
  const signature = query.get('X-Amz-Signature')!;
  const tokenInQuery = query.get('X-Amz-Security-Token');
  return { credential, signedHeaders, signature, date, dateMs, payload: bytesOfText(payload), tokenInQuery };
}

function requireInTime(expiresText: string, dateMs: number, nowMs: number): void {
  if (!/^[+-]?\d+$/.test(expiresText)) throw fail('X-Amz-Expires should be a number');
  const expires = Number(expiresText);
  if (expires < 0) throw fail('X-Amz-Expires must be non-negative');
  if (expires > PRESIGN_MAX_SECONDS)
    throw fail(
      'X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds',
    );
  if (dateMs > nowMs + CLOCK_SKEW_MAX_MS) {
    throw new AuthError('AccessDenied', 403, 'Request is not yet valid', { ServerTime: isoSeconds(nowMs) });
  }
  const untilMs = dateMs + expires * 1000;
  if (nowMs <= untilMs) return;
  throw new AuthError('AccessDenied', 403, 'Request has expired', {
    'X-Amz-Expires': expiresText,
    Expires: isoSeconds(untilMs),
    ServerTime: isoSeconds(nowMs),
  });
}

const fail = (message: string, extra: Record<string, string> = {}): AuthError =>
  new AuthError('AuthorizationQueryParametersError', 400, message, extra);

const badCredential = (why: string, extra?: Record<string, string>): AuthError =>
  fail(`Error parsing the X-Amz-Credential parameter; ${why}`, extra);
