import type { KmsCallerContext } from '../../encryption/ports.js';
import type { SseKmsWrap } from '../../encryption/sse-kms.js';
import type { SseS3Wrap } from '../../encryption/sse-s3.js';
import type { BucketRecord, ObjectContent, ObjectRecord } from '../../store/records.js';
import type { Stored } from '../../store/table.js';
import { isLocked } from '../../store/version-lock.js';
import { changeVersion } from '../change-version.js';
import { S3Error } from '../error.js';
import type { Services } from '../services.js';
import { targetOf } from './key-target.js';
import type { ObjectCipher } from './object-cipher.js';

/** What a version's data key is to lie under. */
export interface NewWrap {
  keyArn: string;
  bucketKeyEnabled: boolean;
}

/** How a request names the key: neither by its id nor by an alias. */
export const KEY_ARN = /^arn:aws[-a-z0-9]*:kms:[-a-z0-9]*:[0-9]{12}:key\/.+$/;

/** A version as it was read, and on whose behalf its key is changed. */
export interface VersionToRewrap {
  bucket: Stored<BucketRecord>;
  key: string;
  /** As the request named it; absent: the current one. */
  versionId: string | undefined;
  record: ObjectRecord;
  content: ObjectContent;
  who: KmsCallerContext;
}

/** The version's record got another wrap, or the key another version, while this one was made. */
export class Overtaken extends Error {
  override name = 'Overtaken';
}

/** Why UpdateObjectEncryption refuses a version; undefined where it doesn't. */
export function whyNotUpdatable(
  { encryption, lock }: ObjectContent,
  nowMs: number,
): 'SSE-C' | 'DSSE-KMS' | 'locked' | undefined {
  if (encryption.mode === 'SSE-C' || encryption.mode === 'DSSE-KMS') return encryption.mode;
  return isLocked(lock, nowMs, false) ? 'locked' : undefined;
}

/**
 * The version's data key gets another wrap; its bytes, ETag, checksums and time stay. It costs the same whatever the object's size.
 * @throws InvalidRequest, AccessDenied where `whyNotUpdatable` tells why; NoSuchKey, NoSuchVersion; Overtaken; KmsError
 */
export async function rewrapVersion(services: Services, version: VersionToRewrap, to: NewWrap): Promise<ObjectRecord> {
  const { bucket, key, versionId, record, content, who } = version;
  const old = requireUpdatable(content, services.clock.now());
  const target = targetOf(services, who, bucket.record, key, Buffer.from(record.objectId, 'hex'));
  const { keyArn: keyId, bucketKeyEnabled } = to;
  const cipher = await services.dataKeys.rewrap(target, old, { keyId, bucketKeyEnabled });
  const place = { facts: { bucket }, services, fields: { method: 'PUT' } };
  try {
    return await changeVersion(place, key, versionId, (content, found) => {
      const same = found.objectId === record.objectId && JSON.stringify(content.encryption) === JSON.stringify(old);
      if (!same) throw new Overtaken();
      requireUpdatable(content, services.clock.now());
      return { ...content, ...sealedChecksum(content, cipher), encryption: cipher.wrapped };
    });
  } finally {
    cipher.dispose();
  }
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

function requireUpdatable(content: ObjectContent, nowMs: number): SseS3Wrap | SseKmsWrap {
  const why = whyNotUpdatable(content, nowMs);
  if (why === 'locked') {
    throw new S3Error('AccessDenied', {
      message:
        "The encryption type for the specified object can't be updated because that object is protected by S3 Object Lock. If the object has a governance-mode retention period or a legal hold, you must first remove the Object Lock status on the object before you issue your UpdateObjectEncryption request. You can't use the UpdateObjectEncryption operation with objects that have an Object Lock compliance mode retention period applied to them.",
    });
  }
  if (why) {
    throw new S3Error('InvalidRequest', {
      message:
        "The UpdateObjectEncryption operation doesn't support source objects with the encryption type DSSE-KMS or SSE-C. Only source objects encrypted with SSE-S3 or SSE-KMS are supported.",
    });
  }
  return content.encryption as SseS3Wrap | SseKmsWrap;
}
