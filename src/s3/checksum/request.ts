import { S3Error } from '../error.js';
import { ALGORITHMS, type Algorithm, DIGEST_BYTES, headerName, isAlgorithm } from './algorithms.js';

type Headers = Readonly<Record<string, string | undefined>>;

/** What a request says about the checksum of its body. */
export interface ChecksumRequest {
  algorithm: Algorithm;
  /** Base64 from a header; absent where it comes in the trailer, or where the client named the algorithm alone. */
  value?: string;
  trailer?: true;
}

const SDK_ALGORITHM = 'x-amz-sdk-checksum-algorithm';

/** The one checksum of a request, from header or trailer. @throws InvalidRequest */
export function parseChecksumRequest(headers: Headers): ChecksumRequest | undefined {
  const sent = ALGORITHMS.filter((algorithm) => headers[headerName(algorithm)] !== undefined);
  const trailer = trailerAlgorithm(headers);
  if (sent.length > 1 || (sent.length === 1 && trailer)) {
    throw new S3Error('InvalidRequest', {
      message: 'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    });
  }
  const declared = declaredAlgorithm(headers);
  const algorithm = sent[0];
  if (algorithm) {
    const value = headers[headerName(algorithm)]!;
    requireDigest(algorithm, value);
    if (declared && declared !== algorithm) throw mismatch();
    return { algorithm, value };
  }
  if (trailer) return { algorithm: trailer, trailer: true };
  if (declared) {
    throw new S3Error('InvalidRequest', {
      message:
        'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.',
    });
  }
  return undefined;
}

const mismatch = (): S3Error =>
  new S3Error('InvalidRequest', { message: `Value for ${SDK_ALGORITHM} header is invalid.` });

function declaredAlgorithm(headers: Headers): Algorithm | undefined {
  const declared = headers[SDK_ALGORITHM]?.toUpperCase();
  if (declared === undefined) return undefined;
  if (!isAlgorithm(declared)) throw mismatch();
  return declared;
}

function trailerAlgorithm(headers: Headers): Algorithm | undefined {
  const named = (headers['x-amz-trailer'] ?? '').split(',').map((name) => name.trim().toLowerCase());
  const found = ALGORITHMS.filter((algorithm) => named.includes(headerName(algorithm)));
  const unknown = named.find(
    (name) => name.startsWith('x-amz-checksum-') && !found.some((one) => headerName(one) === name),
  );
  if (unknown) {
    throw new S3Error('InvalidRequest', {
      message: 'The value specified in the x-amz-trailer header is not supported',
    });
  }
  return found[0];
}

/** Base64 of a digest of the algorithm's length. */
export function requireDigest(algorithm: Algorithm, value: string, name = headerName(algorithm)): void {
  const bytes = Buffer.from(value, 'base64');
  if (bytes.length === DIGEST_BYTES[algorithm] && bytes.toString('base64') === value) return;
  throw new S3Error('InvalidRequest', { message: `Value for ${name} header is invalid.` });
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
