import { S3Error } from '../error.js';
import { bucketArn, operation } from '../operation.js';

export const getBucketOwnershipControls = operation({
  name: 'GetBucketOwnershipControls',
  route: { method: 'GET', on: 'bucket', query: ['ownershipControls'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:GetBucketOwnershipControls', resource: bucketArn(bucket) }],
  errors: ['OwnershipControlsNotFoundError'],
  async handle({ bucket }, { facts }) {
    const { ownership } = facts.bucket.record;
    if (!ownership) throw new S3Error('OwnershipControlsNotFoundError', { extra: { BucketName: bucket } });
    return ownership;
  },
  reply: (ownership) => ({ xml: ['OwnershipControls', [['Rule', [['ObjectOwnership', ownership]]]]] }),
});
