import { S3Error } from '../error.js';
import { ALGORITHM_OF, type Algorithm, DIGEST_BYTES, headerName, isAlgorithm } from './algorithms.js';

type Headers = Readonly<Record<string, string | undefined>>;

/** What a request says about the checksum of its body. */
export interface ChecksumRequest {
  algorithm: Algorithm;
  /** Base64 from a header; absent where it comes in the trailer, or where the client named the algorithm alone. */
  value?: string;
  trailer?: true;
}

export const SDK_ALGORITHM = 'x-amz-sdk-checksum-algorithm';
const PREFIX = 'x-amz-checksum-';
/** Headers with that prefix that carry no checksum. */
const NO_VALUES = new Set(['x-amz-checksum-algorithm', 'x-amz-checksum-type', 'x-amz-checksum-mode']);

const invalidRequest = (message: string): S3Error => new S3Error('InvalidRequest', { message });
const invalidHeader = (name: string): S3Error => invalidRequest(`Value for ${name} header is invalid.`);
const notSingle = (): S3Error =>
  invalidRequest('Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.');

/**
 * The one checksum of a request, from header or trailer. One that can't be verified is refused, not passed over.
 * @throws InvalidRequest
 */
export function parseChecksumRequest(headers: Headers): ChecksumRequest | undefined {
  const sent = headerAlgorithm(headers);
  const trailer = trailerAlgorithm(headers);
  if (sent && trailer) throw notSingle();
  const algorithm = sent ?? trailer;
  const value = sent && headers[headerName(sent)];
  if (sent) requireDigest(sent, value!);
  const declared = declaredAlgorithm(headers);
  if (!algorithm) {
    if (!declared) return undefined;
    throw invalidRequest(
      'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.',
    );
  }
  if (declared && declared !== algorithm) throw invalidHeader(SDK_ALGORITHM);
  return value === undefined ? { algorithm, trailer: true } : { algorithm, value };
}

function headerAlgorithm(headers: Headers): Algorithm | undefined {
  let found: Algorithm | undefined;
  let unknown = false;
  for (const name in headers) {
    if (!name.startsWith(PREFIX) || NO_VALUES.has(name)) continue;
    const algorithm = ALGORITHM_OF.get(name);
    if (!algorithm) unknown = true;
    else if (found) throw notSingle();
    else found = algorithm;
  }
  if (unknown) throw invalidRequest('The algorithm type you specified in x-amz-checksum- header is invalid.');
  return found;
}

function declaredAlgorithm(headers: Headers): Algorithm | undefined {
  const declared = headers[SDK_ALGORITHM]?.toUpperCase();
  if (declared === undefined) return undefined;
  if (!isAlgorithm(declared)) throw invalidHeader(SDK_ALGORITHM);
  return declared;
}

function trailerAlgorithm(headers: Headers): Algorithm | undefined {
  const named = headers['x-amz-trailer'];
  if (!named) return undefined;
  let found: Algorithm | undefined;
  for (const part of named.split(',')) {
    const algorithm = ALGORITHM_OF.get(part.trim().toLowerCase());
    if (!algorithm) throw invalidRequest('The value specified in the x-amz-trailer header is not supported');
    if (found) throw notSingle();
    found = algorithm;
  }
  return found;
}

/** Base64 of a digest of the algorithm's length. @throws InvalidRequest */
export function requireDigest(
  algorithm: Algorithm,
  value: string,
  where: 'header' | 'trailing header' = 'header',
): void {
  const bytes = Buffer.from(value, 'base64');
  if (bytes.length === DIGEST_BYTES[algorithm] && bytes.toString('base64') === value) return;
  throw invalidRequest(`Value for ${headerName(algorithm)} ${where} is invalid.`);
}

/** Does the request say what its body must be, in a header or a trailer? */
export function hasDigest(headers: Headers): boolean {
  if (headers['content-md5'] !== undefined || headers['x-amz-trailer'] !== undefined) return true;
  for (const name in headers) if (name.startsWith(PREFIX) && !NO_VALUES.has(name)) return true;
  return false;
}

/** `Content-MD5`. @throws InvalidDigest */
export function parseContentMd5(headers: Headers): Buffer | undefined {
  const text = headers['content-md5'];
  if (text === undefined) return undefined;
  const md5 = Buffer.from(text, 'base64');
  if (md5.length !== 16 || md5.toString('base64') !== text) {
    throw new S3Error('InvalidDigest', { extra: { 'Content-MD5': text } });
  }
  return md5;
}
