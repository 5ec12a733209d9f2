import { bucketArn, operation } from '../operation.js';

/** There are no websites; that there is none is how it ends. */
export const deleteBucketWebsite = operation({
  name: 'DeleteBucketWebsite',
  route: { method: 'DELETE', on: 'bucket', query: ['website'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:DeleteBucketWebsite', resource: bucketArn(bucket) }],
  errors: [],
  handle: async () => undefined,
  reply: () => ({ status: 204 }),
});
