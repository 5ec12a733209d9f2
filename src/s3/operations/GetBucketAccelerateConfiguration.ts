import { bucketArn, operation } from '../operation.js';

export const getBucketAccelerateConfiguration = operation({
  name: 'GetBucketAccelerateConfiguration',
  route: { method: 'GET', on: 'bucket', query: ['accelerate'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:GetAccelerateConfiguration', resource: bucketArn(bucket) }],
  errors: [],
  async handle(_input, { facts }) {
    return facts.bucket.record.accelerate;
  },
  reply: (status) => ({ xml: ['AccelerateConfiguration', [['Status', status]]] }),
});
