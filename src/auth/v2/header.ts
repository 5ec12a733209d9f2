import { parseAmzDate } from '../date.js';
import { AuthError } from '../error.js';
import { headerText } from '../header-text.js';
import type { Authenticated, AuthOptions } from '../options.js';
import { CONTENT_SHA256, UNSIGNED, wrapPayload } from '../payload.js';
import type { SignedRequest } from '../ports.js';
import { findCredential, invalidDate, refuseToken, requireSkew } from '../refusals.js';
import type { SignedParts } from './string-to-sign.js';
import { requireSignature, VERSION } from './verify.js';

const AMZ_DATE = 'x-amz-date';

/** `Authorization: AWS <access key id>:<signature>`. */
export function byHeader(request: SignedRequest, options: AuthOptions, authorization: string): Authenticated {
  const match = /^AWS +([^:\s]+):(\S+)$/.exec(authorization);
  if (!match) {
    const message = 'AWS authorization header is invalid.  Expected AwsAccessKeyId:signature';
    throw new AuthError('InvalidArgument', 400, message, {
      ArgumentName: 'Authorization',
      ArgumentValue: authorization.split(' ')[0]!,
    });
  }
  const [, accessKeyId, signature] = match as unknown as [string, string, string];
  const amzDate = headerText(request.headers[AMZ_DATE]);
  const date = amzDate ?? headerText(request.headers.date) ?? '';
  const dateMs = parseAmzDate(date) ?? Date.parse(date);
  if (Number.isNaN(dateMs)) throw invalidDate();
  const nowMs = options.clock.now();
  requireSkew(dateMs, nowMs, date);
  const found = findCredential(options, accessKeyId);
  refuseToken(headerText(request.headers['x-amz-security-token']));
  // The page says that the date's line is empty beside x-amz-date; its own example puts that date there. Both bind the date.
  const readings: SignedParts[] =
    amzDate === undefined ? [{ date }] : [{ date: '' }, { date: amzDate, without: AMZ_DATE }];
  requireSignature(found, request, signature, readings);
  return {
    caller: found.caller,
    signature: { type: 'REST-HEADER', version: VERSION, ageMs: nowMs - dateMs, region: '' },
    wrapBody: (raw) => wrapPayload(raw, request, headerText(request.headers[CONTENT_SHA256]) ?? UNSIGNED, undefined),
  };
}
