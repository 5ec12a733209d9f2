import { inPartition, partitionOf, servicePrincipalOf } from '../../base/partition.js';
import type { KeyTarget } from '../../encryption/data-keys.js';
import type { KmsCallerContext } from '../../encryption/ports.js';
import type { ObjectArns } from '../../encryption/s3-context.js';
import type { BucketRecord } from '../../store/records.js';
import { S3Error } from '../error.js';
import { bucketArnIn, type OperationContext, objectArn } from '../operation.js';
import type { Services } from '../services.js';

/**
 * Who asks the key service, as S3 asks it: for a caller, via S3. `key` in `bucket` is the object whose data key it is about; of a
 * copy that is the source or the target. With an S3 Bucket Key nothing else tells the audit which object it was.
 */
export function kmsCaller(context: OperationContext, bucket: string, key: string): KmsCallerContext {
  return {
    caller: context.caller,
    viaService: viaS3(context.services),
    requestContext: context.requestContext,
    requestId: context.requestId,
    source: { operation: context.operationName, bucket, key },
  };
}

export const viaS3 = ({ region }: Pick<Services, 'region'>): string => servicePrincipalOf('s3', region);

export const keyTarget = (context: OperationContext, bucket: BucketRecord, key: string, objectId: Buffer): KeyTarget =>
  targetOf(context.services, kmsCaller(context, bucket.name, key), bucket, key, objectId);

export const targetOf = (
  services: Pick<Services, 'region'>,
  who: KmsCallerContext,
  bucket: BucketRecord,
  key: string,
  objectId: Buffer,
): KeyTarget => ({
  who,
  arns: arnsOf(services, bucket.name, key),
  ids: { bucketId: Buffer.from(bucket.bucketId, 'hex'), objectId },
});

/** As the encryption context names an object. */
export function arnsOf({ region }: Pick<Services, 'region'>, bucket: string, key: string): ObjectArns {
  return {
    bucketArn: bucketArnIn(region, bucket),
    objectArn: inPartition(objectArn(bucket, key), partitionOf(region)),
  };
}

/** Does a data key of this mode come from the key service? */
export const isUnderKms = (mode: string): boolean => mode === 'SSE-KMS' || mode === 'DSSE-KMS';

/**
 * AWS KMS knows nobody who is anonymous, whatever a key policy says, and takes requests signed with Signature Version 4 alone.
 * https://repost.aws/knowledge-center/s3-kms-signature-version-error
 */
export function requireSignatureForKms({ caller, signature }: OperationContext, mode: string): void {
  if (!isUnderKms(mode) || (caller.kind !== 'anonymous' && signature.version !== 'AWS')) return;
  throw new S3Error('InvalidArgument', {
    message: 'Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4.',
    extra: { ArgumentName: 'Authorization', ...(caller.kind === 'anonymous' ? { ArgumentValue: 'null' } : {}) },
  });
}
