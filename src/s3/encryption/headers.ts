import type { WrappedDataKey } from '../../encryption/wrapped-key.js';
import type { WrappedKey } from '../../store/records.js';
import type { CustomerKey } from '../fields/customer-key.js';

/** `x-amz-server-side-encryption*` of an answer. The client's context is told only where it was just sent. */
export function encryptionHeaders(
  wrappedKey: WrappedKey,
  customer: Pick<CustomerKey, 'keyMd5'> | undefined,
  options: { context?: boolean } = {},
): Record<string, string | undefined> {
  const wrapped = wrappedKey as WrappedDataKey;
  switch (wrapped.mode) {
    case 'SSE-S3':
      return { 'x-amz-server-side-encryption': 'AES256' };
    case 'SSE-C':
      // Told where the key was sent, and only there: CompleteMultipartUpload without it says nothing of SSE-C.
      if (!customer) return {};
      return {
        'x-amz-server-side-encryption-customer-algorithm': 'AES256',
        'x-amz-server-side-encryption-customer-key-md5': customer.keyMd5,
      };
    case 'SSE-KMS':
    case 'DSSE-KMS':
      return {
        'x-amz-server-side-encryption': wrapped.mode === 'SSE-KMS' ? 'aws:kms' : 'aws:kms:dsse',
        'x-amz-server-side-encryption-aws-kms-key-id': wrapped.keyArn,
        'x-amz-server-side-encryption-bucket-key-enabled': 'underBucketKey' in wrapped ? 'true' : undefined,
        'x-amz-server-side-encryption-context':
          options.context && Object.keys(wrapped.context).length > 0
            ? Buffer.from(JSON.stringify(wrapped.context)).toString('base64')
            : undefined,
      };
  }
}
