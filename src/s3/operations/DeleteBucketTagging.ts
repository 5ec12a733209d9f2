import { putBucketConfig } from '../bucket-config.js';
import { bucketArn, operation } from '../operation.js';
import { BUCKET_TAGS } from '../tags.js';

export const deleteBucketTagging = operation({
  name: 'DeleteBucketTagging',
  route: { method: 'DELETE', on: 'bucket', query: ['tagging'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:PutBucketTagging', resource: bucketArn(bucket) }],
  errors: [],
  async handle(_input, context) {
    await putBucketConfig(context, BUCKET_TAGS, undefined);
  },
  reply: () => ({ status: 204 }),
});
