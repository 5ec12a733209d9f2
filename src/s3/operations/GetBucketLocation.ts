import { bucketArn, operation } from '../operation.js';

export const getBucketLocation = operation({
  name: 'GetBucketLocation',
  route: { method: 'GET', on: 'bucket', query: ['location'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:GetBucketLocation', resource: bucketArn(bucket) }],
  errors: [],
  async handle(_input, { facts }) {
    return facts.bucket.record.locationConstraint;
  },
  // The one answer of S3 whose root is the value itself.
  reply: (constraint) => ({ xmlText: ['LocationConstraint', constraint] }),
});
