import { bucketArn, operation } from '../operation.js';

export const getBucketRequestPayment = operation({
  name: 'GetBucketRequestPayment',
  route: { method: 'GET', on: 'bucket', query: ['requestPayment'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:GetBucketRequestPayment', resource: bucketArn(bucket) }],
  errors: [],
  async handle(_input, { facts }) {
    return facts.bucket.record.requestPayer ?? 'BucketOwner';
  },
  reply: (payer) => ({ xml: ['RequestPaymentConfiguration', [['Payer', payer]]] }),
});
