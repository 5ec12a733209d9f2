import type { XmlTree } from '../../base/xml/ports.js';
import type { SseKmsWrap } from '../../encryption/sse-kms.js';
import type { SseS3Wrap } from '../../encryption/sse-s3.js';
import { untilCommitted } from '../../store/conflict.js';
import type { ObjectContent, WrappedKey } from '../../store/records.js';
import { isLocked } from '../../store/version-lock.js';
import { changeVersion } from '../change-version.js';
import { keyTarget } from '../encryption/key-target.js';
import type { ObjectCipher } from '../encryption/object-cipher.js';
import { S3Error } from '../error.js';
import { versionId } from '../fields/field.js';
import { child, only, text, xmlBody } from '../fields/xml.js';
import { type OperationContext, objectArn, operation } from '../operation.js';
import { requireVersion } from '../require-version.js';
import { versionHeader } from '../version-header.js';

interface NewEncryption {
  keyArn: string;
  bucketKeyEnabled: boolean;
}

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
      const { record, content } = requireVersion(found, { method: 'PUT', key, versionId });
      const old = requireUpdatable(content, services.clock.now());
      const target = keyTarget(context, bucket, key, Buffer.from(record.objectId, 'hex'));
      const { keyArn: keyId, bucketKeyEnabled } = encryption;
      const cipher = await services.dataKeys.rewrap(target, old, { keyId, bucketKeyEnabled });
      try {
        return await replaceWrap(context, key, versionId, { objectId: record.objectId, old, cipher });
      } catch (error) {
        if (!(error instanceof Overtaken)) throw error;
        found = await services.objects.find(bucket.bucketId, key, versionId);
        return undefined;
      } finally {
        cipher.dispose();
      }
    });
    return versionHeader(bucket, record);
  },
  reply: (versionId) => ({ headers: { 'x-amz-version-id': versionId } }),
});

/** The version's record got another wrap, or the key another version, while this one was made. */
class Overtaken extends Error {
  override name = 'Overtaken';
}

function replaceWrap(
  context: OperationContext,
  key: string,
  versionId: string | undefined,
  { objectId, old, cipher }: { objectId: string; old: WrappedKey; cipher: ObjectCipher },
) {
  return changeVersion(context, key, versionId, (content, record) => {
    const same = record.objectId === objectId && JSON.stringify(content.encryption) === JSON.stringify(old);
    if (!same) throw new Overtaken();
    requireUpdatable(content, context.services.clock.now());
    return { ...content, ...sealedChecksum(content, cipher), encryption: cipher.wrapped };
  });
}

/**
 * SSE-S3 keeps the checksum in clear inside the record; from now on it tells only who may use the key. Checksums of parts stay
 * as they are in their pages: rewriting those would cost by size.
 */
function sealedChecksum({ checksum }: ObjectContent, cipher: ObjectCipher): Pick<ObjectContent, 'checksum'> {
  if (checksum?.value === undefined) return {};
  const { value, ...others } = checksum;
  return { checksum: { ...others, sealed: cipher.sealText(value) } };
}

// AWS's own words, with its name as its documentation writes it.
const AWS = 'Amazon Web Services';

function requireUpdatable(content: ObjectContent, nowMs: number): SseS3Wrap | SseKmsWrap {
  const { encryption, lock } = content;
  if (encryption.mode !== 'SSE-S3' && encryption.mode !== 'SSE-KMS') {
    throw invalid(
      "The UpdateObjectEncryption operation doesn't support source objects with the encryption type DSSE-KMS or SSE-C. Only source objects encrypted with SSE-S3 or SSE-KMS are supported.",
    );
  }
  if (isLocked(lock, nowMs, false)) {
    throw new S3Error('AccessDenied', {
      message:
        "The encryption type for the specified object can't be updated because that object is protected by S3 Object Lock. If the object has a governance-mode retention period or a legal hold, you must first remove the Object Lock status on the object before you issue your UpdateObjectEncryption request. You can't use the UpdateObjectEncryption operation with objects that have an Object Lock compliance mode retention period applied to them.",
    });
  }
  return encryption as SseS3Wrap | SseKmsWrap;
}

const KEY_ARN = /^arn:aws[-a-z0-9]*:kms:[-a-z0-9]*:[0-9]{12}:key\/.+$/;

function decode(tree: XmlTree | undefined): NewEncryption {
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
