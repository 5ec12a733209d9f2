import { S3Error } from '../s3/error.js';
import { copySource } from '../s3/fields/copy-source.js';
import { encryption } from '../s3/fields/encryption.js';
import { refuseUnknownNarrowing } from '../s3/fields/narrowing-headers.js';
import type { RequestFields } from '../s3/operation.js';
import type { AnyOperation } from './router.js';

/** What narrows or protects, and this operation would pass over. @throws S3Error InvalidArgument, NotImplemented */
export function refuseUnread(operation: AnyOperation, { headers, query }: RequestFields): void {
  refuseUnknownNarrowing(headers);
  refuseEncryption(operation, headers);
  refuseCopySource(operation, headers);
  refuseConditions(operation, headers);
  refuseVersionId(operation, query);
}

const SSE = 'x-amz-server-side-encryption';
/** What a write asks for; the customer's key, which opens objects too, is not among them. */
const OF_ENCRYPTION = [SSE, `${SSE}-aws-kms-key-id`, `${SSE}-context`, `${SSE}-bucket-key-enabled`];

/**
 * How an object is encrypted is asked for where it or its upload is made, and nowhere else.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
 * @throws S3Error InvalidArgument
 */
export function refuseEncryption({ input }: AnyOperation, headers: RequestFields['headers']): void {
  if (input.encryption !== encryption) refuse(OF_ENCRYPTION, headers);
}

/** Of a copy's source: without one, there is nothing that they could be about. */
const OF_COPY_SOURCE = [
  'x-amz-copy-source-if-match',
  'x-amz-copy-source-if-modified-since',
  'x-amz-copy-source-if-none-match',
  'x-amz-copy-source-if-unmodified-since',
  'x-amz-copy-source-range',
  'x-amz-source-expected-bucket-owner',
];

/** @throws S3Error InvalidArgument */
export function refuseCopySource({ input }: AnyOperation, headers: RequestFields['headers']): void {
  if (input.source !== copySource) refuse(OF_COPY_SOURCE, headers);
}

function refuse(names: readonly string[], headers: RequestFields['headers']): void {
  for (const name of names) {
    const value = headers[name];
    if (value === undefined) continue;
    throw new S3Error('InvalidArgument', {
      message: `${name} header is not supported for this operation.`,
      extra: { ArgumentName: name, ArgumentValue: value },
    });
  }
}

const CONDITIONS = ['If-Match', 'If-None-Match', 'If-Modified-Since', 'If-Unmodified-Since'] as const;
const OF_WRITES = ['If-Match', 'If-None-Match'];
/** The conditions that a request which changes something knows. */
const KNOWN_CONDITIONS = new Map<string, readonly string[]>([
  ['CompleteMultipartUpload', OF_WRITES],
  ['CopyObject', OF_WRITES],
  ['DeleteObject', ['If-Match']],
  ['PostObject', OF_WRITES],
  ['PutObject', OF_WRITES],
  ['RenameObject', CONDITIONS],
]);

/**
 * A change under a condition that nobody looks at would be made whether it holds or not; what only reads can't do harm, and
 * caches send conditions with everything.
 * @throws S3Error NotImplemented
 */
export function refuseConditions({ name, route }: AnyOperation, headers: RequestFields['headers']): void {
  if (route.method === 'GET' || route.method === 'HEAD') return;
  for (const condition of CONDITIONS) {
    if (headers[condition.toLowerCase()] === undefined || KNOWN_CONDITIONS.get(name)?.includes(condition)) continue;
    throw new S3Error('NotImplemented', { extra: { Header: condition } });
  }
}

/** They make a version, or what will be one. */
const OF_NEW_VERSIONS: ReadonlySet<string> = new Set([
  'CompleteMultipartUpload',
  'CopyObject',
  'CreateMultipartUpload',
  'PostObject',
  'PutObject',
  'RenameObject',
  'UploadPart',
  'UploadPartCopy',
]);

/** Whoever names a version means that one, and no new one. @throws S3Error InvalidArgument */
export function refuseVersionId({ name }: AnyOperation, query: RequestFields['query']): void {
  const versionId = query.get('versionId');
  if (versionId === undefined || !OF_NEW_VERSIONS.has(name)) return;
  throw new S3Error('InvalidArgument', {
    message: 'This operation does not accept a version-id.',
    extra: { ArgumentName: 'versionId', ArgumentValue: versionId },
  });
}
