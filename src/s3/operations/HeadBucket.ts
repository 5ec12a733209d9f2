import { bucketArn, bucketArnIn, operation } from '../operation.js';

export const headBucket = operation({
  name: 'HeadBucket',
  route: { method: 'HEAD', on: 'bucket' },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:ListBucket', resource: bucketArn(bucket) }],
  errors: [],
  async handle(_input, { services }) {
    return services.region;
  },
  reply: (region, { bucket }) => ({
    headers: {
      'content-type': 'application/xml',
      'x-amz-bucket-region': region,
      'x-amz-bucket-arn': bucketArnIn(region, bucket),
      'x-amz-access-point-alias': 'false',
    },
  }),
});
