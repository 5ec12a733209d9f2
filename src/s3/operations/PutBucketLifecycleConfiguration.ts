import { putBucketConfig } from '../bucket-config.js';
import { S3Error } from '../error.js';
import { xmlBody } from '../fields/xml.js';
import { decodeLifecycle } from '../lifecycle/decode.js';
import { LIFECYCLE, type MinimumSize } from '../lifecycle/rules.js';
import { bucketArn, type Field, operation } from '../operation.js';

const HEADER = 'x-amz-transition-default-minimum-object-size';

const minimumSize: Field<MinimumSize> = {
  read: ({ headers }) => {
    const value = headers[HEADER];
    if (value === undefined) return 'all_storage_classes_128K';
    if (value === 'all_storage_classes_128K' || value === 'varies_by_storage_class') return value;
    throw new S3Error('InvalidRequest', { message: `Invalid TransitionDefaultMinimumObjectSize found: ${value}` });
  },
};

/** PutBucketLifecycle, its older name, is the same request. */
export const putBucketLifecycleConfiguration = operation({
  name: 'PutBucketLifecycleConfiguration',
  route: { method: 'PUT', on: 'bucket', query: ['lifecycle'] },
  input: { rules: xmlBody(decodeLifecycle), minimumSize },
  body: { kind: 'xml', root: 'LifecycleConfiguration', required: true, integrity: 'required' },
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:PutLifecycleConfiguration', resource: bucketArn(bucket) }],
  errors: ['InvalidArgument', 'InvalidRequest', 'InvalidTag', 'MalformedXML', 'MaxMessageLengthExceeded'],
  async handle({ rules, minimumSize }, context) {
    await putBucketConfig(context, LIFECYCLE, { rules, minimumSize });
  },
  reply: (_done, { minimumSize }) => ({ headers: { [HEADER]: minimumSize } }),
});
