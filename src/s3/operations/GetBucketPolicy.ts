import { noSuchPolicy, requireOwnAccount } from '../bucket-policy/access.js';
import { bucketArn, operation } from '../operation.js';

export const getBucketPolicy = operation({
  name: 'GetBucketPolicy',
  route: { method: 'GET', on: 'bucket', query: ['policy'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:GetBucketPolicy', resource: bucketArn(bucket) }],
  errors: ['MethodNotAllowed', 'NoSuchBucketPolicy'],
  async handle({ bucket }, context) {
    requireOwnAccount(context);
    const policy = context.policyOf(context.facts.bucket.record);
    if (!policy) throw noSuchPolicy(bucket);
    return policy.text;
  },
  reply: (text) => ({ text: ['application/json', text] }),
});
