import { createHash, randomBytes } from 'node:crypto';

export type Mode = 'SSE-S3' | 'SSE-KMS' | 'SSE-C';
export const MODES: readonly Mode[] = ['SSE-S3', 'SSE-KMS', 'SSE-C'];

export const bucketOf = (mode: Mode): string => `bench-${mode.toLowerCase()}`;

const customerKey = randomBytes(32);
const SSE_C = {
  'x-amz-server-side-encryption-customer-algorithm': 'AES256',
  'x-amz-server-side-encryption-customer-key': customerKey.toString('base64'),
  'x-amz-server-side-encryption-customer-key-md5': createHash('md5').update(customerKey).digest('base64'),
};

/** What a request for an object needs besides the bucket's default. */
export const headersOf = (mode: Mode): Record<string, string> => (mode === 'SSE-C' ? SSE_C : {});

const rule = (inner: string): string =>
  `<ServerSideEncryptionConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule>${inner}</Rule></ServerSideEncryptionConfiguration>`;

/** The bucket's default encryption: SSE-KMS with an S3 Bucket Key, or SSE-S3. */
export const defaultEncryptionOf = (mode: Mode): string =>
  mode === 'SSE-KMS'
    ? rule(
        '<ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>true</BucketKeyEnabled>',
      )
    : rule(
        '<ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>',
      );
