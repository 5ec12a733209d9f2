import type { XmlTree } from '../../base/xml/ports.js';
import type { BucketEncryption } from '../../store/records.js';
import { updateBucket } from '../bucket-config.js';
import { S3Error } from '../error.js';
import { boolean, child, children, malformed, only, requiredText, text, xmlBody } from '../fields/xml.js';
import { bucketArn, operation } from '../operation.js';

/** What the body says; members it doesn't name keep what the bucket had. */
interface EncryptionRule {
  algorithm?: BucketEncryption['algorithm'];
  kmsKeyId?: string;
  bucketKeyEnabled: boolean;
  blockSseC?: boolean;
}

export const putBucketEncryption = operation({
  name: 'PutBucketEncryption',
  route: { method: 'PUT', on: 'bucket', query: ['encryption'] },
  input: { rule: xmlBody(decode) },
  body: { kind: 'xml', root: 'ServerSideEncryptionConfiguration', required: true },
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:PutEncryptionConfiguration', resource: bucketArn(bucket) }],
  errors: ['InvalidArgument'],
  async handle({ rule }, context) {
    await updateBucket(context, (record) => {
      const encryption: BucketEncryption = {
        algorithm: rule.algorithm ?? record.encryption.algorithm,
        bucketKeyEnabled: rule.bucketKeyEnabled,
        blockSseC: rule.blockSseC ?? record.encryption.blockSseC,
        explicit: true,
      };
      const kmsKeyId = rule.algorithm === undefined ? record.encryption.kmsKeyId : rule.kmsKeyId;
      if (kmsKeyId !== undefined) encryption.kmsKeyId = kmsKeyId;
      return { ...record, encryption };
    });
  },
  reply: () => ({}),
});

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketEncryption.html */
function decode(tree: XmlTree | undefined): EncryptionRule {
  if (!tree) throw malformed();
  only(tree, ['Rule']);
  const rules = children(tree, 'Rule');
  const rule = rules[0];
  if (rules.length !== 1 || !rule) throw malformed();
  only(rule, ['ApplyServerSideEncryptionByDefault', 'BucketKeyEnabled', 'BlockedEncryptionTypes']);
  const decoded: EncryptionRule = { bucketKeyEnabled: boolean(rule, 'BucketKeyEnabled') ?? false };
  const byDefault = child(rule, 'ApplyServerSideEncryptionByDefault');
  if (byDefault) {
    only(byDefault, ['SSEAlgorithm', 'KMSMasterKeyID']);
    const algorithm = requiredText(byDefault, 'SSEAlgorithm');
    if (algorithm !== 'AES256' && algorithm !== 'aws:kms' && algorithm !== 'aws:kms:dsse') throw malformed();
    decoded.algorithm = algorithm;
    const kmsKeyId = text(byDefault, 'KMSMasterKeyID');
    if (kmsKeyId && algorithm === 'AES256') {
      throw new S3Error('InvalidArgument', {
        message: 'a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse',
        extra: { ArgumentName: 'ApplyServerSideEncryptionByDefault' },
      });
    }
    if (kmsKeyId) decoded.kmsKeyId = kmsKeyId;
  }
  const blocked = child(rule, 'BlockedEncryptionTypes');
  if (blocked) {
    only(blocked, ['EncryptionType']);
    const types = children(blocked, 'EncryptionType').map((one) => one.text);
    if (types.length === 0 || types.some((type) => type !== 'SSE-C' && type !== 'NONE')) throw malformed();
    if (types.includes('NONE') && types.length > 1) throw malformed();
    decoded.blockSseC = types.includes('SSE-C');
  }
  if (!byDefault && !blocked && text(rule, 'BucketKeyEnabled') === undefined) throw malformed();
  return decoded;
}
