import { isoSeconds } from '../date.js';
import { AuthError } from '../error.js';
import { headerText } from '../header-text.js';
import type { Authenticated, AuthOptions } from '../options.js';
import { CONTENT_SHA256, UNSIGNED, wrapPayload } from '../payload.js';
import type { SignedRequest } from '../ports.js';
import { findCredential, refuseToken } from '../refusals.js';
import { requireSignature, VERSION } from './verify.js';

/** Presigned URLs with `AWSAccessKeyId`, `Expires` (seconds since 1970) and `Signature`. They carry no date of their making. */
export function byQuery(
  request: SignedRequest,
  options: AuthOptions,
  query: ReadonlyMap<string, string>,
): Authenticated {
  const accessKeyId = query.get('AWSAccessKeyId');
  const expires = query.get('Expires');
  const signature = query.get('Signature');
  if (accessKeyId === undefined || expires === undefined || signature === undefined) {
    throw denied('Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters');
  }
  if (!/^-?\d{1,12}$/.test(expires)) throw denied(`Invalid date (should be seconds since epoch): ${expires}`);
  const nowMs = options.clock.now();
  const untilMs = Number(expires) * 1000;
  if (nowMs > untilMs) {
    throw denied('Request has expired', { Expires: isoSeconds(untilMs), ServerTime: isoSeconds(nowMs) });
  }
  const found = findCredential(options, accessKeyId);
  refuseToken(headerText(request.headers['x-amz-security-token']) ?? query.get('x-amz-security-token'));
  // A `+` that was not escaped came out as a space.
  requireSignature(found, request, signature.replaceAll(' ', '+'), [{ date: expires, query }]);
  return {
    caller: found.caller,
    signature: { type: 'REST-QUERY-STRING', version: VERSION, ageMs: 0, region: '' },
    wrapBody: (raw) => wrapPayload(raw, request, headerText(request.headers[CONTENT_SHA256]) ?? UNSIGNED, undefined),
  };
}

const denied = (message: string, extra: Record<string, string> = {}): AuthError =>
  new AuthError('AccessDenied', 403, message, extra);
