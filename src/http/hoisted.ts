import type { SignatureFacts } from '../auth/ports.js';
import { bytesOfText } from '../base/byte-text.js';
import { ALGORITHM_OF, EMPTY_DIGESTS } from '../s3/checksum/algorithms.js';
import { SDK_ALGORITHM } from '../s3/checksum/request.js';
import { S3Error } from '../s3/error.js';
import { refuseUnsendable } from '../s3/fields/header-value.js';
import { encodeHeaderValue } from '../s3/fields/rfc2047.js';
import type { CustomerKeyHeaders, RequestFields } from '../s3/operation.js';
import { queryPairs } from './addressing.js';

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
const CONTENT_SHA256 = 'x-amz-content-sha256';
const CONTENT_SHA256_OF_V4 = 'X-Amz-Content-Sha256';
/** As Signature V4 writes them in a query, and reads no other way. */
const OF_V4: ReadonlySet<string> = new Set([
  'X-Amz-Algorithm',
  'X-Amz-Credential',
  'X-Amz-Date',
  'X-Amz-Expires',
  'X-Amz-SignedHeaders',
  'X-Amz-Signature',
  'X-Amz-Security-Token',
  'X-Amz-Content-Sha256',
]);
/** Headers without AWS's prefix that narrow what a request does. */
const NARROWING: ReadonlySet<string> = new Set([
  'content-md5',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
]);
/** Those that writes read. */
const OF_WRITES: ReadonlySet<string> = new Set([
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-type',
  'expires',
]);
/** They tell how the body comes: it has been taken by the headers. */
const OF_TRANSFER: ReadonlySet<string> = new Set(['content-length', 'x-amz-decoded-content-length', 'x-amz-trailer']);
const CUSTOMER = /^x-amz-(copy-source-)?server-side-encryption-customer-(algorithm|key|key-md5)$/;

/**
 * Parameters of a presigned URL that are called like headers count as those headers: SDKs "hoist" what they sign there. In any
 * other query they are refused, for nothing that narrows a request may be passed over.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
 * @throws S3Error InvalidArgument: where nobody signed them as headers, where they come twice or beside a header with another
 *   value, and for what could be stored from here, and never be answered as a header
 */
export function hoist(fields: RequestFields, rawQuery: string, { type, version }: SignatureFacts): void {
  const presigned = type === 'REST-QUERY-STRING';
  if (!presigned && !hasHeaders(fields)) return;
  const signedByV2 = version === 'AWS';
  if (presigned && !signedByV2 && isSignatureAlone(fields, rawQuery)) return;
  const seen = new Map<string, string>();
  const found = new Map<string, string>();
  for (const [sent, value] of queryPairs(rawQuery)) {
    const name = sent.toLowerCase();
    if (!isHeader(fields.method, name, value) || (signedByV2 && sent === 'Expires')) continue;
    const ofSignature = presigned && !signedByV2 && OF_V4.has(sent);
    if (!presigned || (OF_SIGNATURE.has(name) && !ofSignature)) {
      throw invalid(sent, 'This parameter is a header: it counts in the query of a presigned URL alone.');
    }
    if (!isHeaderName(name)) throw invalid(sent, 'The name of a parameter is not valid as the name of a header.');
    const text = bytesOfText(value);
    if ((seen.get(name) ?? text) !== text) throw invalid(sent, 'This parameter came twice, with different values.');
    seen.set(name, text);
    // A parameter is text: as metadata it is answered in encoded words, as AWS does.
    found.set(name, name.startsWith('x-amz-meta-') ? encodeHeaderValue(value) : text);
    if (ofSignature && name !== CONTENT_SHA256) continue;
    refuseUnsendable(sent, text);
    if (CUSTOMER.test(name)) continue;
    const header = fields.headers[name];
    if (header === undefined ? OF_TRANSFER.has(name) : header !== text) {
      throw invalid(sent, 'The header of this name is not what the query says.');
    }
  }
  for (const name of OF_SIGNATURE) if (name !== CONTENT_SHA256) found.delete(name);
  dropEmptyChecksum(found, fields.headers);
  takeAlgorithms(found, fields);
  if (found.size > 0) fields.headers = { ...Object.fromEntries(found), ...fields.headers };
}

/**
 * A URL is no place for a key: logs and histories keep it. Asked before a signature is compared, for the answer to a wrong one
 * repeats the query.
 * @throws S3Error InvalidArgument
 */
export function refuseKeysInQuery(query: RequestFields['query']): void {
  for (const sent of query.keys()) {
    if (!/-customer-key(-md5)?$/i.test(sent) || !CUSTOMER.test(sent.toLowerCase())) continue;
    throw invalid(sent, 'A customer-provided key must be sent in the headers of a request, never in its URL.');
  }
}

/**
 * What a form asks for stands in its fields.
 * @param customerKey whether a customer's key was sent in the headers
 * @throws S3Error InvalidArgument for what stands beside them
 */
export function refuseBesideForm(
  headers: RequestFields['headers'],
  query: RequestFields['query'],
  customerKey: boolean,
): void {
  if (customerKey) throw besideForm('x-amz-server-side-encryption-customer-algorithm');
  for (const [sent, value] of query) if (isHeader('POST', sent.toLowerCase(), value)) throw besideForm(sent);
  for (const name in headers) if (BESIDE_FORM.test(name)) throw besideForm(name);
}

const BESIDE_FORM =
  /^(content-md5|if-(match|none-match)|x-amz-(acl|tagging|storage-class|website-redirect-location|sdk-checksum-algorithm|trailer)|x-amz-(server-side-encryption|grant-|object-lock-|checksum-|meta-).*)$/;

/** RFC 9110, section 5.6.2; in lower case. */
export const isHeaderName = (name: string): boolean => /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name);

const hasHeaders = ({ method, query }: RequestFields): boolean => {
  for (const [sent, value] of query) if (isHeader(method, sent.toLowerCase(), value)) return true;
  return false;
};

/** As most presigned URLs: each parameter once, and none that is a header but the signature's own. */
function isSignatureAlone({ method, query }: RequestFields, rawQuery: string): boolean {
  let ampersands = 0;
  for (let at = rawQuery.indexOf('&'); at >= 0; at = rawQuery.indexOf('&', at + 1)) ampersands++;
  if (query.size !== ampersands + 1) return false;
  for (const [sent, value] of query) {
    if (sent === CONTENT_SHA256_OF_V4 || (!OF_V4.has(sent) && isHeader(method, sent.toLowerCase(), value)))
      return false;
  }
  return true;
}

/** Would a request of this method read a header of this name? */
function isHeader(method: string, name: string, value: string): boolean {
  if (name.startsWith('x-amz-') || NARROWING.has(name)) return true;
  if (method === 'PUT' || method === 'POST') return OF_WRITES.has(name);
  // Pages have parameters of that name, which mean something else.
  return name === 'range' && value.startsWith('bytes=');
}

/**
 * Who presigns an upload has no body yet. SDKs that sign a checksum into every upload sign that of an empty one, and name its
 * algorithm beside it; what comes by the URL is something else, and S3 takes it. An algorithm alone says nothing.
 * https://github.com/aws/aws-sdk-js-v3/issues/4448
 */
function dropEmptyChecksum(found: Map<string, string>, headers: RequestFields['headers']): void {
  const algorithm = found.get(SDK_ALGORITHM)?.toUpperCase();
  if (algorithm === undefined) return;
  for (const [name, of] of ALGORITHM_OF) {
    if (of === algorithm && found.get(name) === EMPTY_DIGESTS[of]) found.delete(name);
    if (found.has(name) || headers[name] !== undefined) return;
  }
  found.delete(SDK_ALGORITHM);
}

/** The one of SSE-C's three headers that is no secret. @throws S3Error InvalidArgument */
function takeAlgorithms(found: Map<string, string>, fields: RequestFields): void {
  for (const [name, member] of ALGORITHMS) {
    const algorithm = found.get(name);
    if (algorithm === undefined) continue;
    found.delete(name);
    const sent: CustomerKeyHeaders = { ...fields[member] };
    if ((sent.algorithm ?? algorithm) !== algorithm) {
      throw invalid(name, 'The header of this name is not what the query says.');
    }
    fields[member] = { ...sent, algorithm };
  }
}

const ALGORITHMS = [
  ['x-amz-server-side-encryption-customer-algorithm', 'sseCustomer'],
  ['x-amz-copy-source-server-side-encryption-customer-algorithm', 'copySourceSseCustomer'],
] as const;

const besideForm = (name: string): S3Error =>
  invalid(name, 'What a form asks for must be a field of the form, not a header or parameter beside it.');

/** Values are not repeated: among them are those that are nobody's business. */
const invalid = (name: string, message: string): S3Error =>
  new S3Error('InvalidArgument', { message, extra: { ArgumentName: name } });
