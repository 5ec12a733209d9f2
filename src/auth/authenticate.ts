import { createHmac } from 'node:crypto';
import type { Clock } from '../base/clock.js';
import { CLOCK_SKEW_MAX_MS, PRESIGN_MAX_SECONDS } from '../base/limits.js';
import { Mac } from '../base/mac.js';
import type { BodySource } from '../base/stream.js';
import { canonicalRequest, sha256Hex } from './canonical.js';
import { ChunkedBody, type ChunkSigner, isStreaming } from './chunked-body.js';
import { formatAmzDate, isoSeconds, parseAmzDate } from './date.js';
import { AuthError, forService } from './error.js';
import { HashedBody } from './hashed-body.js';
import {
  ANONYMOUS,
  type Caller,
  type CredentialSource,
  type Service,
  type SignatureFacts,
  type SignedRequest,
} from './ports.js';
import { type ParsedCredential, parseCredential, scopeText } from './scope.js';
import { sign, signingKey } from './signing-key.js';

export interface AuthOptions {
  credentials: CredentialSource;
  clock: Clock;
  region: string;
  service: Service;
  /** KMS and STS: the body, read before, since its hash is part of what is signed. */
  body?: Buffer;
}

export interface Authenticated {
  caller: Caller;
  signature: SignatureFacts;
  /** Puts the verification of the body that the signature calls for around the raw body. */
  wrapBody(raw: BodySource): BodySource;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
const CONTENT_SHA256 = 'x-amz-content-sha256';
const UNSIGNED = 'UNSIGNED-PAYLOAD';
const UNSIGNED_TRAILER = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';

/**
 * Who sent the request, by Signature Version 4 in a header or in the query. Without either: anonymous.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
 * @throws AuthError
 */
export function authenticate(request: SignedRequest, options: AuthOptions): Authenticated {
  try {
    return authenticateS3(request, options);
  } catch (error) {
    throw error instanceof AuthError ? forService(error, options.service) : error;
  }
}

function authenticateS3(request: SignedRequest, options: AuthOptions): Authenticated {
  const authorization = text(request.headers.authorization);
  const query = request.rawQuery.includes('X-Amz-') ? queryParameters(request.rawQuery) : undefined;
  const inQuery = query?.has('X-Amz-Algorithm') || query?.has('X-Amz-Signature') || query?.has('X-Amz-Credential');
  if (authorization !== undefined && inQuery) {
    throw new AuthError(
      'InvalidArgument',
      400,
      'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified',
      { ArgumentName: 'Authorization', ArgumentValue: authorization.split(' ')[0]! },
    );
  }
  if (authorization !== undefined) return byHeader(request, options, authorization);
  if (inQuery && query) return byQuery(request, options, query);
  if (/(^|&)(AWSAccessKeyId|Signature)=/.test(request.rawQuery)) throw unsupportedMechanism();
  return anonymous(request, options);
}

function anonymous(request: SignedRequest, options: AuthOptions): Authenticated {
  if (options.service !== 's3') {
    const code = options.service === 'kms' ? 'MissingAuthenticationTokenException' : 'MissingAuthenticationToken';
    throw new AuthError(code, options.service === 'kms' ? 400 : 403, 'Missing Authentication Token');
  }
  const payload = text(request.headers[CONTENT_SHA256]) ?? UNSIGNED;
  return {
    caller: ANONYMOUS,
    signature: { type: 'anonymous', version: '', ageMs: 0, region: '' },
    wrapBody: (raw) => wrap(raw, request, payload, undefined),
  };
}

interface Claim {
  credential: ParsedCredential;
  signedHeaders: string[];
  signature: string;
  /** As X-Amz-Date. */
  date: string;
  dateMs: number;
  payload: string;
}

function byHeader(request: SignedRequest, options: AuthOptions, authorization: string): Authenticated {
  const { clock, service } = options;
  if (!authorization.startsWith(ALGORITHM)) throw unsupportedMechanism();
  const fields = new Map(
    authorization
      .slice(ALGORITHM.length)
      .split(',')
      .map((part): [string, string] => {
        const equals = part.indexOf('=');
        return [part.slice(0, equals).trim(), part.slice(equals + 1).trim()];
      }),
  );
  const credentialText = fields.get('Credential');
  const signedHeaders = fields.get('SignedHeaders');
  const signature = fields.get('Signature');
  if (!credentialText || !signedHeaders || !signature) {
    throw malformed(
      'The authorization header is malformed; the authorization header requires three components: Credential, SignedHeaders, and Signature.',
    );
  }
  const credential = parseCredential(credentialText);
  if (credential?.terminator !== 'aws4_request') {
    throw malformed(
      'The authorization header is malformed; the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
    );
  }
  requireScope(credential, options, (why, extra) => malformed(`The authorization header is malformed; ${why}`, extra));
  const { date, dateMs } = requestDate(request);
  if (credential.date !== date.slice(0, 8)) {
    throw malformed(
      `The authorization header is malformed; Invalid credential date "${credential.date}". This date is not the same as X-Amz-Date: "${date.slice(0, 8)}".`,
    );
  }
  requireSkew(dateMs, clock.now(), date);
  const payload = service === 's3' ? requireContentSha256(request) : sha256Hex(options.body ?? '');
  const claim = { credential, signedHeaders: signedHeaders.split(';'), signature, date, dateMs, payload };
  return verify(request, options, claim, 'REST-HEADER');
}

function byQuery(request: SignedRequest, options: AuthOptions, query: ReadonlyMap<string, string>): Authenticated {
  const fail = (message: string): AuthError => new AuthError('AuthorizationQueryParametersError', 400, message);
  const names = [
    'X-Amz-Algorithm',
    'X-Amz-Credential',
    'X-Amz-Signature',
    'X-Amz-Date',
    'X-Amz-SignedHeaders',
    'X-Amz-Expires',
  ];
  if (names.some((name) => query.get(name) === undefined)) {
    throw fail(
      'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.',
    );
  }
  if (query.get('X-Amz-Algorithm') !== ALGORITHM)
    throw fail('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"');
  const credential = parseCredential(query.get('X-Amz-Credential')!);
  if (credential?.terminator !== 'aws4_request') {
    throw fail(
      'Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
    );
  }
  requireScope(credential, options, (why, extra) => {
    return new AuthError(
      'AuthorizationQueryParametersError',
      400,
      `Error parsing the X-Amz-Credential parameter; ${why}`,
      extra,
    );
  });
  const date = query.get('X-Amz-Date')!;
  const dateMs = parseAmzDate(date);
  if (dateMs === undefined) throw fail("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
  if (credential.date !== date.slice(0, 8)) {
    throw fail(
      `Error parsing the X-Amz-Credential parameter; Invalid credential date "${credential.date}". This date is not the same as X-Amz-Date: "${date.slice(0, 8)}".`,
    );
  }
  const expiresText = query.get('X-Amz-Expires')!;
  if (!/^[+-]?\d+$/.test(expiresText)) throw fail('X-Amz-Expires should be a number');
  const expires = Number(expiresText);
  if (expires < 0) throw fail('X-Amz-Expires must be non-negative');
  if (expires > PRESIGN_MAX_SECONDS)
    throw fail(
      'X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds',
    );
  const nowMs = options.clock.now();
  if (dateMs > nowMs + CLOCK_SKEW_MAX_MS) {
    throw new AuthError('AccessDenied', 403, 'Request is not yet valid', { ServerTime: isoSeconds(nowMs) });
  }
  const untilMs = dateMs + expires * 1000;
  if (nowMs > untilMs) {
    throw new AuthError('AccessDenied', 403, 'Request has expired', {
      'X-Amz-Expires': expiresText,
      Expires: isoSeconds(untilMs),
      ServerTime: isoSeconds(nowMs),
    });
  }
  const payload = text(request.headers[CONTENT_SHA256]) ?? query.get('X-Amz-Content-Sha256') ?? UNSIGNED;
  const signedHeaders = query.get('X-Amz-SignedHeaders')!.split(';');
  const claim = { credential, signedHeaders, signature: query.get('X-Amz-Signature')!, date, dateMs, payload };
  return verify(request, options, claim, 'REST-QUERY-STRING', query.get('X-Amz-Security-Token'));
}

function verify(
  request: SignedRequest,
  options: AuthOptions,
  claim: Claim,
  type: 'REST-HEADER' | 'REST-QUERY-STRING',
  tokenInQuery?: string,
): Authenticated {
  const { credential, signedHeaders, signature, date, payload } = claim;
  const found = options.credentials.find(credential.accessKeyId);
  if (!found) {
    throw new AuthError(
      'InvalidAccessKeyId',
      403,
      'The AWS Access Key Id you provided does not exist in our records.',
      {
        AWSAccessKeyId: credential.accessKeyId,
      },
    );
  }
  const token = text(request.headers['x-amz-security-token']) ?? tokenInQuery;
  if (token !== undefined) {
    // Coffer issues no session tokens: this one is somebody else's.
    throw new AuthError('InvalidToken', 400, 'The provided token is malformed or otherwise invalid.', {
      'Token-0': token,
    });
  }
  requireSigned(request, signedHeaders, options);
  const without = type === 'REST-QUERY-STRING' ? 'X-Amz-Signature' : undefined;
  const canonical = canonicalRequest(request, signedHeaders, payload, without);
  const scope = scopeText(credential);
  const stringToSign = `${ALGORITHM}\n${date}\n${scope}\n${sha256Hex(canonical)}`;
  const key = signingKey(credential.accessKeyId, found.secretAccessKey, credential);
  const expected = createHmac('sha256', key).update(stringToSign).digest();
  if (!/^[0-9a-f]{64}$/.test(signature) || !new Mac(expected).equals(Buffer.from(signature, 'hex'))) {
    throw new AuthError(
      'SignatureDoesNotMatch',
      403,
      'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
      {
        AWSAccessKeyId: credential.accessKeyId,
        StringToSign: stringToSign,
        SignatureProvided: signature,
        StringToSignBytes: hexBytes(stringToSign),
        CanonicalRequest: withoutCustomerKeys(canonical),
      },
    );
  }
  const signer: ChunkSigner = {
    seed: signature,
    sign: (lines) => sign(key, `${lines[0]}\n${date}\n${scope}\n${lines.slice(1).join('\n')}`),
  };
  const ageMs = options.clock.now() - claim.dateMs;
  return {
    caller: found.caller,
    signature: { type, version: ALGORITHM, ageMs, region: credential.region },
    wrapBody: (raw) => (options.service === 's3' ? wrap(raw, request, payload, signer) : raw),
  };
}

function wrap(raw: BodySource, request: SignedRequest, payload: string, signer: ChunkSigner | undefined): BodySource {
  if (isStreaming(payload)) return new ChunkedBody(raw, request.headers, payload, signer);
  return /^[0-9a-f]{64}$/.test(payload) ? new HashedBody(raw, payload) : raw;
}

function requireContentSha256(request: SignedRequest): string {
  const value = text(request.headers[CONTENT_SHA256]);
  if (value === undefined) {
    throw new AuthError('InvalidRequest', 400, 'Missing required header for this request: x-amz-content-sha256');
  }
  if (value.includes('ECDSA')) throw unsupportedMechanism();
  if (value !== UNSIGNED && value !== UNSIGNED_TRAILER && !isStreaming(value) && !/^[0-9a-f]{64}$/.test(value)) {
    throw new AuthError(
      'InvalidArgument',
      400,
      'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value.',
      { ArgumentName: CONTENT_SHA256, ArgumentValue: value },
    );
  }
  return value;
}

function requireScope(
  credential: ParsedCredential,
  { region, service }: AuthOptions,
  fail: (why: string, extra?: Record<string, string>) => AuthError,
): void {
  if (credential.region !== region) {
    throw fail(`the region '${credential.region}' is wrong; expecting '${region}'`, { Region: region });
  }
  if (credential.service !== service)
    throw fail(`incorrect service "${credential.service}". This endpoint belongs to "${service}".`);
  if (!/^\d{8}$/.test(credential.date))
    throw fail(
      `incorrect date format "${credential.date}". This date in the credential must be in the format "yyyyMMdd".`,
    );
}

/** Signed must be the host and every `x-amz-` header that was sent. */
function requireSigned(request: SignedRequest, signedHeaders: readonly string[], { service }: AuthOptions): void {
  if (service !== 's3') return;
  const unsigned: string[] = [];
  if (!signedHeaders.includes('host')) unsigned.push('host');
  for (const name in request.headers) {
    if (name.startsWith('x-amz-') && name !== CONTENT_SHA256 && !signedHeaders.includes(name)) unsigned.push(name);
  }
  if (unsigned.length === 0) return;
  throw new AuthError('AccessDenied', 403, 'There were headers present in the request which were not signed', {
    HeadersNotSigned: unsigned.join(', '),
  });
}

function requestDate(request: SignedRequest): { date: string; dateMs: number } {
  const amz = text(request.headers['x-amz-date']);
  const amzMs = parseAmzDate(amz);
  if (amz !== undefined && amzMs !== undefined) return { date: amz, dateMs: amzMs };
  const plain = text(request.headers.date);
  const dateMs = parseAmzDate(plain) ?? (plain === undefined ? Number.NaN : Date.parse(plain));
  if (amz !== undefined || Number.isNaN(dateMs)) {
    throw new AuthError('AccessDenied', 403, 'AWS authentication requires a valid Date or x-amz-date header');
  }
  return { date: formatAmzDate(dateMs), dateMs };
}

function requireSkew(dateMs: number, nowMs: number, date: string): void {
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

const malformed = (message: string, extra: Record<string, string> = {}): AuthError =>
  new AuthError('AuthorizationHeaderMalformed', 400, message, extra);

const unsupportedMechanism = (): AuthError =>
  new AuthError(
    'InvalidRequest',
    400,
    'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.',
  );

const text = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value.join(',') : value;

const hexBytes = (value: string): string =>
  Buffer.from(value)
    .toString('hex')
    .replace(/(..)(?!$)/g, '$1 ');

/** A customer's key may be among the signed headers: an error message is no place for it. */
const withoutCustomerKeys = (canonical: string): string =>
  canonical.replace(/^(x-amz-.*customer-key(-md5)?):.*$/gm, '$1:[secret]');

function queryParameters(rawQuery: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const part of rawQuery.split('&')) {
    const equals = part.indexOf('=');
    const decode = (value: string): string => {
      try {
        return decodeURIComponent(value.replaceAll('+', ' '));
      } catch {
        return value;
      }
    };
    found.set(decode(equals < 0 ? part : part.slice(0, equals)), equals < 0 ? '' : decode(part.slice(equals + 1)));
  }
  return found;
}
