import { updateBucket } from '../bucket-config.js';
import { S3Error } from '../error.js';
import { malformed, only, requiredText, xmlBody } from '../fields/xml.js';
import { bucketArn, operation } from '../operation.js';

/** Kept and told, without effect: one Coffer has no edge locations to be fast from. */
export const putBucketAccelerateConfiguration = operation({
  name: 'PutBucketAccelerateConfiguration',
  route: { method: 'PUT', on: 'bucket', query: ['accelerate'] },
  input: {
    status: xmlBody((tree): 'Enabled' | 'Suspended' => {
      if (!tree) throw malformed();
      only(tree, ['Status']);
      const status = requiredText(tree, 'Status');
      if (status !== 'Enabled' && status !== 'Suspended') throw malformed();
      return status;
    }),
  },
  body: { kind: 'xml', root: 'AccelerateConfiguration', required: true },
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:PutAccelerateConfiguration', resource: bucketArn(bucket) }],
  errors: ['InvalidRequest', 'MalformedXML'],
  async handle({ bucket, status }, context) {
    if (bucket.includes('.')) {
      throw new S3Error('InvalidRequest', {
        message: 'S3 Transfer Acceleration is not supported for buckets with periods (.) in their names',
      });
    }
    await updateBucket(context, (record) => ({ ...record, accelerate: status }));
  },
  reply: () => ({}),
});
