import { trimBlanks } from '../../base/byte-text.js';
import { sha256Hex } from '../canonical.js';
import { formatAmzDate, parseAmzDate } from '../date.js';
import { AuthError } from '../error.js';
import { headerText } from '../header-text.js';
import type { Authenticated, AuthOptions } from '../options.js';
import { requireContentSha256 } from '../payload.js';
import type { SignedRequest } from '../ports.js';
import { invalidDate, requireSkew } from '../refusals.js';
import { requireCredential, requireSameDay } from './credential.js';
import { ALGORITHM, type Claim, verify } from './verify.js';

/** `Authorization: AWS4-HMAC-SHA256 …`. https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
export function byHeader(request: SignedRequest, options: AuthOptions, authorization: string): Authenticated {
  const claim = claimOfHeader(request, options, authorization);
  const payload = options.service === 's3' ? requireContentSha256(request) : sha256Hex(options.body ?? '');
  return verify(request, options, { ...claim, payload }, 'REST-HEADER');
}

/** What can be read of the signature without the body. */
export function claimOfHeader(
  request: SignedRequest,
  options: AuthOptions,
  authorization: string,
): Omit<Claim, 'payload'> {
  const fields = new Map(
    authorization
      .slice(ALGORITHM.length)
      .split(',')
      .map((part): [string, string] => {
        const equals = part.indexOf('=');
        return [trimBlanks(part.slice(0, equals)), trimBlanks(part.slice(equals + 1))];
      }),
  );
  const credentialText = fields.get('Credential');
  const signedHeaders = fields.get('SignedHeaders');
  const signature = fields.get('Signature');
  if (!credentialText || !signedHeaders || !signature) {
    throw malformed('the authorization header requires three components: Credential, SignedHeaders, and Signature.');
  }
  const credential = requireCredential(credentialText, options, malformed);
  const { date, dateMs } = requestDate(request);
  requireSameDay(credential, date, malformed);
  requireSkew(dateMs, options.clock.now(), date);
  return { credential, signedHeaders: signedHeaders.split(';'), signature, date, dateMs };
}

function requestDate(request: SignedRequest): { date: string; dateMs: number } {
  const amz = headerText(request.headers['x-amz-date']);
  const amzMs = parseAmzDate(amz);
  if (amz !== undefined && amzMs !== undefined) return { date: amz, dateMs: amzMs };
  const plain = headerText(request.headers.date);
  const dateMs = parseAmzDate(plain) ?? (plain === undefined ? Number.NaN : Date.parse(plain));
  if (amz !== undefined || Number.isNaN(dateMs)) throw invalidDate();
  return { date: formatAmzDate(dateMs), dateMs };
}

const malformed = (why: string, extra: Record<string, string> = {}): AuthError =>
  new AuthError('AuthorizationHeaderMalformed', 400, `The authorization header is malformed; ${why}`, extra);
