import { updateBucket } from '../bucket-config.js';
import { bucketArn, operation } from '../operation.js';

export const deleteBucketOwnershipControls = operation({
  name: 'DeleteBucketOwnershipControls',
  route: { method: 'DELETE', on: 'bucket', query: ['ownershipControls'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:PutBucketOwnershipControls', resource: bucketArn(bucket) }],
  errors: [],
  async handle(_input, context) {
    await updateBucket(context, ({ ownership: _, ...record }) => record);
  },
  reply: () => ({ status: 204 }),
});
