import { S3Error } from '../error.js';
import type { OperationContext } from '../operation.js';

/** A policy may allow these operations to other accounts, and they still don't get them. */
export function requireOwnAccount({ caller, facts, fields }: OperationContext): void {
  if (caller.accountId === facts.bucket.record.ownerAccountId) return;
  throw new S3Error('MethodNotAllowed', { extra: { Method: fields.method, ResourceType: 'BUCKETPOLICY' } });
}

export const noSuchPolicy = (bucket: string): S3Error =>
  new S3Error('NoSuchBucketPolicy', { extra: { BucketName: bucket } });
