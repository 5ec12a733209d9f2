import { requireOwnAccount } from '../bucket-policy/access.js';
import { bucketArn, operation } from '../operation.js';

export const deleteBucketPolicy = operation({
  name: 'DeleteBucketPolicy',
  route: { method: 'DELETE', on: 'bucket', query: ['policy'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:DeleteBucketPolicy', resource: bucketArn(bucket) }],
  errors: ['MethodNotAllowed'],
  async handle(_input, context) {
    requireOwnAccount(context);
    const { record } = context.facts.bucket;
    if (record.policy) await context.services.bucketPolicies.remove(record);
  },
  reply: () => ({ status: 204 }),
});
