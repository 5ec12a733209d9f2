import { S3Error } from '../s3/error.js';
import { copySource } from '../s3/fields/copy-source.js';
import { encryption } from '../s3/fields/encryption.js';
import { refuseUnknownNarrowing } from '../s3/fields/narrowing-headers.js';
import { objectLock } from '../s3/fields/object-lock.js';
import type { RequestFields } from '../s3/operation.js';
import type { AnyOperation } from './router.js';

/** What narrows or protects, and this operation would pass over. @throws S3Error InvalidArgument, NotImplemented */
export function refuseUnread(operation: AnyOperation, { headers, query }: RequestFields): void {
  refuseUnknownNarrowing(headers);
  refuseEncryption(operation, headers);
  refuseCopySource(operation, headers);
  refuseLock(operation, headers);
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

const OF_LOCK = ['x-amz-object-lock-legal-hold', 'x-amz-object-lock-mode', 'x-amz-object-lock-retain-until-date'];
const OF_LOCKED_BUCKET = ['x-amz-bucket-object-lock-enabled'];

/**
 * A lock is asked for where a version or its upload is made: a part, or the end of an upload, would be taken without it.
 * @throws S3Error InvalidArgument
 */
export function refuseLock({ name, input, route }: AnyOperation, headers: RequestFields['headers']): void {
  if (readsOnly(route)) return;
  if (input.lock !== objectLock) refuse(OF_LOCK, headers);
  if (name !== 'CreateBucket') refuse(OF_LOCKED_BUCKET, headers);
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
/** Of directory buckets: DeleteObject says itself that it doesn't know them. */
const OF_DELETES = ['x-amz-if-match-last-modified-time', 'x-amz-if-match-size'] as const;
/** Of the source of a rename. */
const OF_RENAMES = CONDITIONS.map((condition) => `x-amz-rename-source-${condition.toLowerCase()}`);
/** The conditions that a request which changes something knows. */
const KNOWN_CONDITIONS = new Map<string, readonly string[]>([
  ['CompleteMultipartUpload', OF_WRITES],
  ['CopyObject', OF_WRITES],
  ['DeleteObject', ['If-Match', ...OF_DELETES]],
  ['PostObject', OF_WRITES],
  ['PutObject', OF_WRITES],
  ['RenameObject', [...CONDITIONS, ...OF_RENAMES]],
]);

/**
 * A change under a condition that nobody looks at would be made whether it holds or not; what only reads can't do harm, and
 * caches send conditions with everything.
 * @throws S3Error NotImplemented
 */
export function refuseConditions({ name, route }: AnyOperation, headers: RequestFields['headers']): void {
  if (readsOnly(route)) return;
  for (const condition of [...CONDITIONS, ...OF_DELETES, ...OF_RENAMES]) {
    if (headers[condition.toLowerCase()] === undefined || KNOWN_CONDITIONS.get(name)?.includes(condition)) continue;
    throw new S3Error('NotImplemented', { extra: { Header: condition } });
  }
}

const readsOnly = ({ method }: AnyOperation['route']): boolean => method === 'GET' || method === 'HEAD';

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
