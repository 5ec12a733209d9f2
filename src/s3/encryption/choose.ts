import type { BucketRecord } from '../../store/records.js';
import { S3Error } from '../error.js';
import type { CustomerKey } from '../fields/customer-key.js';
import type { EncryptionRequest } from '../fields/encryption.js';
import type { OperationContext } from '../operation.js';

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
    if (request.mode === 'DSSE-KMS') return { mode: 'DSSE-KMS', keyId, context: request.context };
    const bucketKeyEnabled = request.bucketKeyEnabled ?? encryption.bucketKeyEnabled;
    return { mode: 'SSE-KMS', keyId, context: request.context, bucketKeyEnabled };
  }
  if (encryption.algorithm === 'AES256') return { mode: 'SSE-S3' };
  const keyId = encryption.kmsKeyId ?? AWS_MANAGED_KEY;
  if (encryption.algorithm === 'aws:kms:dsse') return { mode: 'DSSE-KMS', keyId, context: {} };
  return { mode: 'SSE-KMS', keyId, context: {}, bucketKeyEnabled: bucketKeyHeader ?? encryption.bucketKeyEnabled };
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
