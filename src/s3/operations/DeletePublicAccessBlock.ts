import { bucketArn, operation } from '../operation.js';

export const deletePublicAccessBlock = operation({
  name: 'DeletePublicAccessBlock',
  route: { method: 'DELETE', on: 'bucket', query: ['publicAccessBlock'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:PutBucketPublicAccessBlock', resource: bucketArn(bucket) }],
  errors: [],
  async handle({ bucket }, { services }) {
    await services.buckets.update(bucket, ({ publicAccessBlock: _, ...record }) => record);
  },
  reply: () => ({ status: 204 }),
});
