import { bucketArn, operation } from '../operation.js';

export const deleteBucketEncryption = operation({
  name: 'DeleteBucketEncryption',
  route: { method: 'DELETE', on: 'bucket', query: ['encryption'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:PutEncryptionConfiguration', resource: bucketArn(bucket) }],
  errors: [],
  async handle({ bucket }, { services }) {
    // Back to what every bucket starts with; whether SSE-C is blocked is a setting of its own and stays.
    await services.buckets.update(bucket, (record) => ({
      ...record,
      encryption: {
        algorithm: 'AES256',
        bucketKeyEnabled: false,
        blockSseC: record.encryption.blockSseC,
        explicit: false,
      },
    }));
  },
  reply: () => ({ status: 204 }),
});
