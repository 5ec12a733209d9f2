import { updateBucket } from '../bucket-config.js';
import { malformed, only, requiredText, xmlBody } from '../fields/xml.js';
import { bucketArn, operation } from '../operation.js';

export const putBucketRequestPayment = operation({
  name: 'PutBucketRequestPayment',
  route: { method: 'PUT', on: 'bucket', query: ['requestPayment'] },
  input: {
    payer: xmlBody((tree): 'Requester' | 'BucketOwner' => {
      if (!tree) throw malformed();
      only(tree, ['Payer']);
      const payer = requiredText(tree, 'Payer');
      if (payer !== 'Requester' && payer !== 'BucketOwner') throw malformed();
      return payer;
    }),
  },
  body: { kind: 'xml', root: 'RequestPaymentConfiguration', required: true },
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:PutBucketRequestPayment', resource: bucketArn(bucket) }],
  errors: ['MalformedXML'],
  async handle({ payer }, context) {
    await updateBucket(context, (record) => ({ ...record, requestPayer: payer }));
  },
  reply: () => ({}),
});
