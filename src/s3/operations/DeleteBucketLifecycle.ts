import { putBucketConfig } from '../bucket-config.js';
import { LIFECYCLE } from '../lifecycle/rules.js';
import { bucketArn, operation } from '../operation.js';

export const deleteBucketLifecycle = operation({
  name: 'DeleteBucketLifecycle',
  route: { method: 'DELETE', on: 'bucket', query: ['lifecycle'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:PutLifecycleConfiguration', resource: bucketArn(bucket) }],
  errors: [],
  async handle(_input, context) {
    await putBucketConfig(context, LIFECYCLE, undefined);
  },
  reply: () => ({ status: 204 }),
});
