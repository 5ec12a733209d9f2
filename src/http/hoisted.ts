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
    all ??= { ...headers };
    all[name] ??= value;
  }
  return all ?? headers;
}
