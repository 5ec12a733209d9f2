import { S3_ARN } from '../../encryption/s3-context.js';
import type { BucketRecord } from '../../store/records.js';
import { S3Error } from '../error.js';
import type { CustomerKey } from '../fields/customer-key.js';
import type { EncryptionRequest } from '../fields/encryption.js';
import { bucketArn, type OperationContext, objectArn } from '../operation.js';

/** How a new version will be encrypted: what the request asked for, else the bucket's default. */
export type EncryptionChoice =
  | { mode: 'SSE-C'; customer: CustomerKey }
  | { mode: 'SSE-S3' }
  | { mode: 'SSE-KMS'; keyId: string; context: Record<string, string>; bucketKeyEnabled: boolean }
  | { mode: 'DSSE-KMS'; keyId: string; context: Record<string, string> };

/** The key that AWS makes for S3 in every account, on first use. */
const AWS_MANAGED_KEY = 'alias/aws/s3';

export function chooseEncryption(
  request: EncryptionRequest | undefined,
  bucketKeyHeader: boolean | undefined,
  bucket: BucketRecord,
  context: OperationContext,
): EncryptionChoice {
  const { encryption } = bucket;
  if (request?.mode === 'SSE-C') {
    requirePrivateTransport(context);
    if (encryption.blockSseC) {
      throw new S3Error('AccessDenied', {
        message: 'The bucket does not allow server-side encryption with customer-provided keys (SSE-C).',
      });
    }
    return request;
  }
  if (request?.mode === 'SSE-S3') return { mode: 'SSE-S3' };
  if (request) {
    const keyId = request.keyId ?? AWS_MANAGED_KEY;
    const bucketKeyEnabled = request.mode === 'SSE-KMS' && (request.bucketKeyEnabled ?? encryption.bucketKeyEnabled);
    requireOwnArn(request.context, bucket.name, bucketKeyEnabled ? undefined : context.fields.key);
    if (request.mode === 'DSSE-KMS') return { mode: 'DSSE-KMS', keyId, context: request.context };
    return { mode: 'SSE-KMS', keyId, context: request.context, bucketKeyEnabled };
  }
  if (encryption.algorithm === 'AES256') return { mode: 'SSE-S3' };
  const keyId = encryption.kmsKeyId ?? AWS_MANAGED_KEY;
  if (encryption.algorithm === 'aws:kms:dsse') return { mode: 'DSSE-KMS', keyId, context: {} };
  return { mode: 'SSE-KMS', keyId, context: {}, bucketKeyEnabled: bucketKeyHeader ?? encryption.bucketKeyEnabled };
}

/**
 * S3 itself says in the context what a data key is for: the object, or with an S3 Bucket Key the bucket. A client may say the same,
 * and nothing else. Nor under that name in another case: S3 would add its own pair beside it, and policies, which compare the names of
 * pairs without regard to case, would see both.
 * @throws InvalidArgument
 */
function requireOwnArn(context: Record<string, string>, bucket: string, key: string | undefined): void {
  const named = Object.keys(context).filter((name) => name.toLowerCase() === S3_ARN);
  if (named.length === 0) return;
  const arn = key === undefined ? bucketArn(bucket) : objectArn(bucket, key);
  if (named.length === 1 && context[S3_ARN] === arn) return;
  throw new S3Error('InvalidArgument', {
    message: `The context value for '${S3_ARN}' shall be equal to ${key === undefined ? 'bucket' : 'object'}'s ARN`,
    extra: { ArgumentName: 'x-amz-server-side-encryption-context' },
  });
}

/** AWS takes a customer's key over TLS only; `COFFER_SSE_C_OVER_HTTP` says what Coffer takes. */
export function requirePrivateTransport({ secure, loopback, services }: OperationContext): void {
  const { sseCOverHttp } = services.settings;
  if (secure || sseCOverHttp === 'always' || (sseCOverHttp === 'loopback' && loopback)) return;
  throw new S3Error('InvalidRequest', {
    message:
      'Requests specifying Server Side Encryption with Customer provided keys must be made over a secure connection.',
  });
}
