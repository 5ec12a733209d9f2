import { noSuchPolicy } from '../bucket-policy/access.js';
import { bucketArn, operation } from '../operation.js';

export const getBucketPolicyStatus = operation({
  name: 'GetBucketPolicyStatus',
  route: { method: 'GET', on: 'bucket', query: ['policyStatus'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:GetBucketPolicyStatus', resource: bucketArn(bucket) }],
  errors: ['NoSuchBucketPolicy'],
  async handle({ bucket }, { facts, policyOf }) {
    const policy = policyOf(facts.bucket.record);
    if (!policy) throw noSuchPolicy(bucket);
    return policy.isPublic;
  },
  reply: (isPublic) => ({ xml: ['PolicyStatus', [['IsPublic', isPublic]]] }),
});
