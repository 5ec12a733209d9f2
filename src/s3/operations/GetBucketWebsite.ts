import { S3Error } from '../error.js';
import { bucketArn, operation } from '../operation.js';

/** There are no websites to be had. */
export const getBucketWebsite = operation({
  name: 'GetBucketWebsite',
  route: { method: 'GET', on: 'bucket', query: ['website'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:GetBucketWebsite', resource: bucketArn(bucket) }],
  errors: ['NoSuchWebsiteConfiguration'],
  async handle({ bucket }) {
    throw new S3Error('NoSuchWebsiteConfiguration', { extra: { BucketName: bucket } });
  },
  reply: () => ({}),
});
