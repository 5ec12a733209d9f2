import { textOfBytes } from '../base/byte-text.js';
import { CLOCK_SKEW_MAX_MS } from '../base/limits.js';
import { isoSeconds } from './date.js';
import { AuthError } from './error.js';
import type { AuthOptions } from './options.js';
import type { Credential } from './ports.js';

/** What both signature versions refuse alike. */

export const unsupportedMechanism = (): AuthError =>
  new AuthError(
    'InvalidRequest',
    400,
    'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.',
  );

/** A scheme that is none of S3's; what follows it may be a secret and isn't repeated. */
export const unsupportedScheme = (authorization: string): AuthError =>
  new AuthError('InvalidArgument', 400, 'Unsupported Authorization Type', {
    ArgumentName: 'Authorization',
    ArgumentValue: authorization.split(' ')[0]!,
  });

/** @throws AuthError InvalidRequest where Signature V2 is not switched on, and for KMS and STS always */
export function requireV2({ service, sigV2 }: AuthOptions): void {
  if (service !== 's3' || sigV2 !== 'allow') throw unsupportedMechanism();
}

/** Signed twice: nobody knows which signature should count. */
export function onlyOneMechanism(authorization: string): AuthError {
  return new AuthError(
    'InvalidArgument',
    400,
    'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified',
    { ArgumentName: 'Authorization', ArgumentValue: authorization.split(' ')[0]! },
  );
}

/** @throws AuthError InvalidAccessKeyId */
export function findCredential({ credentials }: AuthOptions, accessKeyId: string): Credential {
  const found = credentials.find(accessKeyId);
  if (found) return found;
  const message = 'The AWS Access Key Id you provided does not exist in our records.';
  throw new AuthError('InvalidAccessKeyId', 403, message, { AWSAccessKeyId: accessKeyId });
}

/** Coffer issues no session tokens: one that is sent is somebody else's. @throws AuthError InvalidToken */
export function refuseToken(token: string | undefined): void {
  if (token === undefined) return;
  throw new AuthError('InvalidToken', 400, 'The provided token is malformed or otherwise invalid.', {
    'Token-0': token,
  });
}

/** @throws AuthError RequestTimeTooSkewed */
export function requireSkew(dateMs: number, nowMs: number, date: string): void {
  if (Math.abs(nowMs - dateMs) <= CLOCK_SKEW_MAX_MS) return;
  throw new AuthError(
    'RequestTimeTooSkewed',
    403,
    'The difference between the request time and the current time is too large.',
    {
      RequestTime: date,
      ServerTime: isoSeconds(nowMs),
      MaxAllowedSkewMilliseconds: String(CLOCK_SKEW_MAX_MS),
    },
  );
}

export const invalidDate = (): AuthError =>
  new AuthError('AccessDenied', 403, 'AWS authentication requires a valid Date or x-amz-date header');

/** What the client needs to find its mistake, from texts of bytes; keys of customers that were signed are not repeated. */
export function signatureMismatch(
  accessKeyId: string,
  signature: string,
  stringToSign: string,
  canonical?: string,
): AuthError {
  const shown = withoutCustomerKeys(stringToSign);
  return new AuthError(
    'SignatureDoesNotMatch',
    403,
    'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
    {
      AWSAccessKeyId: accessKeyId,
      StringToSign: textOfBytes(shown),
      SignatureProvided: signature,
      StringToSignBytes: hexBytes(shown),
      ...(canonical === undefined ? {} : canonicalExtra(withoutCustomerKeys(canonical))),
    },
  );
}

const canonicalExtra = (canonical: string): Record<string, string> => ({
  CanonicalRequest: textOfBytes(canonical),
  CanonicalRequestBytes: hexBytes(canonical),
});

const hexBytes = (value: string): string =>
  Buffer.from(value, 'latin1')
    .toString('hex')
    .replace(/(..)(?!$)/g, '$1 ');

/** A customer's key may be among the signed headers: an error message is no place for it. */
const withoutCustomerKeys = (signed: string): string =>
  signed.replace(/^(x-amz-.*customer-key(-md5)?):.*$/gm, '$1:[secret]');
