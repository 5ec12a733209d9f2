import { StoreDamaged } from '../../base/damaged.js';
import { KmsError } from '../../encryption/ports.js';
import { VersionReplaced } from '../../s3/body/reader.js';
import { S3Error } from '../../s3/error.js';
import { NOT_VERSIONED } from '../../s3/failures.js';
import { TargetRefused } from './target.js';

/** What can't be replicated, and won't be by trying again. */
export class ReplicationFault extends Error {
  override name = 'ReplicationFault';
  constructor(
    /**
     * One of AWS's, where it has one:
     * https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-failure-codes.html
     */
    readonly reason: string,
    detail: string,
  ) {
    super(detail);
  }
}

/** A failure that stays as it is however often it is tried; undefined for one that may pass. */
export function faultOf(error: unknown, isDeletion: boolean): ReplicationFault | undefined {
  if (error instanceof ReplicationFault) return error;
  if (error instanceof TargetRefused) return error.isTransient ? undefined : refused(error, isDeletion);
  if (error instanceof KmsError) return error.statusCode >= 500 ? undefined : ofSourceKey(error);
  if (error instanceof S3Error) {
    return error.code === 'AccessDenied' ? new ReplicationFault('SrcGetObjectNotPermitted', error.message) : undefined;
  }
  if (error instanceof VersionReplaced) return undefined;
  if (error instanceof StoreDamaged) return new ReplicationFault('SrcObjectDamaged', error.message);
  return undefined;
}

function ofSourceKey({ code, message }: KmsError): ReplicationFault {
  if (code === 'AccessDeniedException') return new ReplicationFault('SrcGetObjectNotPermitted', message);
  if (code === 'NotFoundException') return new ReplicationFault('SrcKmsKeyNotFound', message);
  return new ReplicationFault('SrcKmsKeyInvalidState', `${code}: ${message}`);
}

function refused({ code, status, message }: TargetRefused, isDeletion: boolean): ReplicationFault {
  const detail = code === '' ? message : `${code}: ${message}`;
  const as = (reason: string): ReplicationFault => new ReplicationFault(reason, detail);
  if (code === 'NoSuchBucket') return as('DstBucketNotFound');
  if (message === NOT_VERSIONED) return as('DstBucketUnversioned');
  if (message === 'Bucket is missing Object Lock Configuration') return as('DstBucketObjectLockConfigMissing');
  if (code === 'KMS.NotFoundException') return as('DstKmsKeyNotFound');
  if (code.startsWith('KMS.')) return as('DstKmsKeyInvalidState');
  if (status === 403) return as(isDeletion ? 'DstDelObjNotPermitted' : 'DstPutObjectNotPermitted');
  return as('DstRefused');
}
