import { updateBucket } from '../bucket-config.js';
import { bucketArn, operation } from '../operation.js';

export const deleteBucketEncryption = operation({
  name: 'DeleteBucketEncryption',
  route: { method: 'DELETE', on: 'bucket', query: ['encryption'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:PutEncryptionConfiguration', resource: bucketArn(bucket) }],
  errors: [],
  async handle(_input, context) {
    // Back to what every bucket starts with; whether SSE-C is blocked is a setting of its own and stays.
    await updateBucket(context, (record) => ({
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
