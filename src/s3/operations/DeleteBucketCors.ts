import { putBucketConfig } from '../bucket-config.js';
import { CORS } from '../cors.js';
import { bucketArn, operation } from '../operation.js';

export const deleteBucketCors = operation({
  name: 'DeleteBucketCors',
  route: { method: 'DELETE', on: 'bucket', query: ['cors'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:PutBucketCORS', resource: bucketArn(bucket) }],
  errors: [],
  async handle(_input, context) {
    await putBucketConfig(context, CORS, undefined);
  },
  reply: () => ({ status: 204 }),
});
