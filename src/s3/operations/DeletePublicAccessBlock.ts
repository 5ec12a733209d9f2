import { updateBucket } from '../bucket-config.js';
import { bucketArn, operation } from '../operation.js';

export const deletePublicAccessBlock = operation({
  name: 'DeletePublicAccessBlock',
  route: { method: 'DELETE', on: 'bucket', query: ['publicAccessBlock'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:PutBucketPublicAccessBlock', resource: bucketArn(bucket) }],
  errors: [],
  async handle(_input, context) {
    await updateBucket(context, ({ publicAccessBlock: _, ...record }) => record);
  },
  reply: () => ({ status: 204 }),
});
