import type { XmlTree } from '../../base/xml/ports.js';
import type { DefaultRetention } from '../../store/records.js';
import { updateBucket } from '../bucket-config.js';
import { S3Error } from '../error.js';
import { isRetentionMode, refuseEventHold } from '../fields/object-lock.js';
import { child, malformed, only, requiredText, text, xmlBody } from '../fields/xml.js';
import { bucketArn, operation } from '../operation.js';

export const putObjectLockConfiguration = operation({
  name: 'PutObjectLockConfiguration',
  route: { method: 'PUT', on: 'bucket', query: ['object-lock'] },
  input: { defaultRetention: xmlBody(decode) },
  body: { kind: 'xml', root: 'ObjectLockConfiguration', required: false, integrity: 'required' },
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:PutBucketObjectLockConfiguration', resource: bucketArn(bucket) }],
  errors: ['InvalidArgument', 'InvalidBucketState', 'MalformedXML', 'NotImplemented'],
  async handle({ defaultRetention }, context) {
    await updateBucket(context, (record) => {
      if (record.versioning !== 'Enabled') {
        throw new S3Error('InvalidBucketState', {
          message: "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
        });
      }
      return { ...record, objectLock: defaultRetention ? { defaultRetention } : {} };
    });
  },
  reply: () => ({}),
});

/** Object Lock is enabled by any of these; without a rule, new versions are not locked by default. */
function decode(tree: XmlTree | undefined): DefaultRetention | undefined {
  if (!tree) throw malformed();
  only(tree, ['ObjectLockEnabled', 'Rule']);
  if (requiredText(tree, 'ObjectLockEnabled') !== 'Enabled') throw malformed();
  const rule = child(tree, 'Rule');
  if (!rule) return undefined;
  only(rule, ['DefaultRetention']);
  const retention = child(rule, 'DefaultRetention');
  if (!retention) throw malformed();
  refuseEventHold(retention);
  only(retention, ['Mode', 'Days', 'Years']);
  const mode = requiredText(retention, 'Mode');
  const [days, years] = [text(retention, 'Days'), text(retention, 'Years')];
  if (!isRetentionMode(mode) || (days === undefined) === (years === undefined)) throw malformed();
  if (days !== undefined) return { mode, days: period('Days', days, DAYS_MAX) };
  return { mode, years: period('Years', years!, YEARS_MAX) };
}

const YEARS_MAX = 100;
const DAYS_MAX = 36_500;

function period(name: 'Days' | 'Years', value: string, max: number): number {
  if (!/^[+-]?\d{1,10}$/.test(value.trim())) throw malformed();
  const number = Number(value);
  if (number >= 1 && number <= max) return number;
  throw new S3Error('InvalidArgument', {
    message:
      number < 1
        ? 'Default retention period must be a positive integer value.'
        : `Default retention period must not be larger than ${max} ${name.toLowerCase()}.`,
    extra: { ArgumentName: name, ArgumentValue: value },
  });
}
