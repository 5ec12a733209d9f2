import type { KeyTarget } from '../../encryption/data-keys.js';
import type { KmsCallerContext } from '../../encryption/ports.js';
import type { BucketRecord } from '../../store/records.js';
import { bucketArn, type OperationContext, objectArn } from '../operation.js';

/** Who asks the key service, as S3 asks it: for a caller, via S3. */
export function kmsCaller(context: OperationContext): KmsCallerContext {
  return {
    caller: context.caller,
    viaService: `s3.${context.services.region}.amazonaws.com`,
    requestContext: context.requestContext,
    requestId: context.requestId,
  };
}

export function keyTarget(context: OperationContext, bucket: BucketRecord, key: string, objectId: Buffer): KeyTarget {
  return {
    who: kmsCaller(context),
    arns: { bucketArn: bucketArn(bucket.name), objectArn: objectArn(bucket.name, key) },
    ids: { bucketId: Buffer.from(bucket.bucketId, 'hex'), objectId },
  };
}
