import { bytesOfText } from '../base/byte-text.js';
import { S3Error } from '../s3/error.js';
import { refuseUnsendable } from '../s3/fields/header-value.js';
import { encodeHeaderValue } from '../s3/fields/rfc2047.js';
import type { RequestFields } from '../s3/operation.js';

/** They steer the signature, not the operation. */
export const OF_SIGNATURE: ReadonlySet<string> = new Set([
  'x-amz-algorithm',
  'x-amz-credential',
  'x-amz-date',
  'x-amz-expires',
  'x-amz-signedheaders',
  'x-amz-signature',
  'x-amz-security-token',
  'x-amz-content-sha256',
]);
/**
 * Headers alone: customer keys, for a URL is no place for a key, and what describes the body, for who signs a URL doesn't know
 * it yet (the SDK for JavaScript puts the CRC32 of an empty body into every presigned PutObject, and S3 ignores it).
 * https://github.com/aws/aws-sdk-js-v3/issues/4448
 */
const HEADER_ALONE =
  /^x-amz-((copy-source-)?server-side-encryption-customer-|checksum-|sdk-checksum-|trailer$|decoded-)/;

/**
 * Presigned URLs may carry `x-amz-` headers as parameters of the query (SDKs "hoist" them there): they count as headers. They
 * are signed like all of the query. A header that was sent besides wins.
 * @throws S3Error InvalidArgument for what could be stored from here, and never be answered as a header
 */
export function withHoisted(
  headers: RequestFields['headers'],
  query: RequestFields['query'],
): RequestFields['headers'] {
  let all: Record<string, string | undefined> | undefined;
  for (const [sent, value] of query) {
    const name = sent.toLowerCase();
    if (!name.startsWith('x-amz-') || OF_SIGNATURE.has(name) || HEADER_ALONE.test(name)) continue;
    if (headers[name] !== undefined) continue;
    if (!isHeaderName(name)) {
      throw new S3Error('InvalidArgument', {
        message: 'The name of a parameter is not valid as the name of a header.',
        extra: { ArgumentName: sent },
      });
    }
    const bytes = bytesOfText(value);
    refuseUnsendable(sent, bytes);
    all ??= { ...headers };
    // A parameter is text: as metadata it is answered in encoded words, as AWS does.
    all[name] ??= name.startsWith('x-amz-meta-') ? encodeHeaderValue(value) : bytes;
  }
  return all ?? headers;
}

/** RFC 9110, section 5.6.2; in lower case. */
export const isHeaderName = (name: string): boolean => /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name);
