import type { XmlTree } from '../../base/xml/ports.js';
import { untilCommitted } from '../../store/conflict.js';
import { kmsCaller } from '../encryption/key-target.js';
import { KEY_ARN, type NewWrap, Overtaken, rewrapVersion } from '../encryption/rewrap.js';
import { S3Error } from '../error.js';
import { versionId } from '../fields/field.js';
import { child, only, text, xmlBody } from '../fields/xml.js';
import { objectArn, operation } from '../operation.js';
import { requireVersion } from '../require-version.js';
import { versionHeader } from '../version-header.js';

/** The version's data key gets another wrap; its bytes, ETag, checksums and time stay. */
export const updateObjectEncryption = operation({
  name: 'UpdateObjectEncryption',
  route: { method: 'PUT', on: 'object', query: ['encryption'] },
  input: { versionId, encryption: { ...xmlBody(decode), late: true } },
  body: { kind: 'xml', root: 'ObjectEncryption', required: true, integrity: 'required' },
  facts: ['bucket', 'object'],
  needs: ({ bucket, key }) => {
    const resource = objectArn(bucket, key);
    return [
      { action: 's3:PutObject', resource },
      { action: 's3:UpdateObjectEncryption', resource },
    ];
  },
  errors: ['AccessDenied', 'InvalidRequest', 'MethodNotAllowed', 'NoSuchKey', 'NoSuchVersion'],
  async handle({ key, versionId, encryption }, context) {
    const { facts, services } = context;
    const bucket = facts.bucket.record;
    if (context.signature.version !== 'AWS4-HMAC-SHA256') {
      throw invalid(
        `Requests that modify an object encryption configuration require ${AWS} Signature Version 4. Modify the request to use ${AWS} Signature Version 4, and then try again.`,
      );
    }
    if (encryption.keyArn.split(':')[4] !== bucket.ownerAccountId) {
      throw new S3Error('AccessDenied', {
        message: `The ${AWS} KMS key in the request must be owned by the same account as the bucket. Modify the request to specify a KMS key from the same account, and then try again.`,
      });
    }
    let found = facts.object;
    const record = await untilCommitted(async () => {
      const seen = requireVersion(found, { method: 'PUT', key, versionId });
      const who = kmsCaller(context, bucket.name, key);
      try {
        return await rewrapVersion(services, { bucket: facts.bucket, key, versionId, ...seen, who }, encryption);
      } catch (error) {
        if (!(error instanceof Overtaken)) throw error;
        found = await services.objects.find(bucket.bucketId, key, versionId);
        return undefined;
      }
    });
    return versionHeader(bucket, record);
  },
  reply: (versionId) => ({ headers: { 'x-amz-version-id': versionId } }),
});

// AWS's own words, with its name as its documentation writes it.
const AWS = 'Amazon Web Services';

function decode(tree: XmlTree | undefined): NewWrap {
  const to = tree && child(tree, 'SSE-KMS');
  if (tree && (child(tree, 'DSSE-KMS') || child(tree, 'SSE-C'))) {
    throw invalid(
      "The UpdateObjectEncryption operation doesn't support updating the encryption type to DSSE-KMS or SSE-C. Modify the request to specify SSE-KMS for the updated encryption type, and then try again.",
    );
  }
  if (!to) {
    throw invalid(
      'Requests that modify an object encryption configuration require a valid new encryption type. Valid values are SSEKMS. Modify the request to specify SSE-KMS for the updated encryption type, and then try again.',
    );
  }
  only(tree, ['SSE-KMS']);
  only(to, ['KMSKeyArn', 'BucketKeyEnabled']);
  const keyArn = text(to, 'KMSKeyArn')?.trim();
  const requires = "Requests that modify an object's encryption type to SSE-KMS require";
  if (!keyArn) {
    throw invalid(
      `${requires} an ${AWS} KMS key Amazon Resource Name (ARN). Modify the request to specify a KMS key ARN, and then try again.`,
    );
  }
  if (!KEY_ARN.test(keyArn)) {
    throw invalid(
      `${requires} a valid ${AWS} KMS key Amazon Resource Name (ARN). Confirm that you have a correctly formatted KMS key ARN in your request, and then try again.`,
    );
  }
  const enabled = text(to, 'BucketKeyEnabled')?.trim() ?? 'false';
  if (enabled !== 'true' && enabled !== 'false') {
    throw invalid(
      "The BucketKeyEnabled value isn't valid. Valid values are true or false. Modify the request to specify a valid value, and then try again.",
    );
  }
  return { keyArn, bucketKeyEnabled: enabled === 'true' };
}

const invalid = (message: string): S3Error => new S3Error('InvalidRequest', { message });
