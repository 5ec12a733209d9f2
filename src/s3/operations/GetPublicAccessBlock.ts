import { S3Error } from '../error.js';
import { bucketArn, operation } from '../operation.js';

export const getPublicAccessBlock = operation({
  name: 'GetPublicAccessBlock',
  route: { method: 'GET', on: 'bucket', query: ['publicAccessBlock'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:GetBucketPublicAccessBlock', resource: bucketArn(bucket) }],
  errors: ['NoSuchPublicAccessBlockConfiguration'],
  async handle({ bucket }, { facts }) {
    const settings = facts.bucket.record.publicAccessBlock;
    if (!settings) throw new S3Error('NoSuchPublicAccessBlockConfiguration', { extra: { BucketName: bucket } });
    return settings;
  },
  reply: (settings) => ({
    xml: [
      'PublicAccessBlockConfiguration',
      [
        ['BlockPublicAcls', settings.blockPublicAcls],
        ['IgnorePublicAcls', settings.ignorePublicAcls],
        ['BlockPublicPolicy', settings.blockPublicPolicy],
        ['RestrictPublicBuckets', settings.restrictPublicBuckets],
      ],
    ],
  }),
});
