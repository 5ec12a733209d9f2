import { Secret } from '../base/secret.js';
import type { BucketKeys } from './bucket-key.js';
import { encodeContext } from './context.js';
import { type MaterialId, materialMember } from './material-id.js';
import { type ObjectIds, wrapAad } from './object-ids.js';
import type { EncryptionContext, KeyService, KmsCallerContext } from './ports.js';
import { arnsOfWrap, type ContextPartition, type ObjectArns, objectContext, partitionMember } from './s3-context.js';

/** SSE-KMS: the data key is the KMS's own (envelope encryption), or lies under a bucket-level key that is. */
export interface SseKmsWrap extends MaterialId, ContextPartition {
  mode: 'SSE-KMS';
  keyArn: string;
  /** The client's pairs; `aws:s3:arn` is added from the object's name. */
  context: Record<string, string>;
  /** What KMS gave: decrypts to the data key, or to the S3 Bucket Key. */
  encryptedKey: string;
  /** With an S3 Bucket Key: XAES-256-GCM of the data key under it. */
  underBucketKey?: string;
}

const LABEL = 'coffer/sse-kms/bucket-key-wrap';

/** Each object its own key of the KMS. @throws KmsError */
export async function createSseKms(
  kms: KeyService,
  who: KmsCallerContext,
  arns: ObjectArns,
  keyId: string,
  context: EncryptionContext,
): Promise<{ dataKey: Secret; wrap: SseKmsWrap }> {
  const made = await kms.generateDataKey(who, { keyId, context: objectContext(arns, context) });
  const encryptedKey = made.ciphertextBlob.toString('base64');
  return {
    dataKey: made.plaintext,
    wrap: { mode: 'SSE-KMS', keyArn: made.keyArn, context: { ...context }, encryptedKey, ...others(made, arns) },
  };
}

/** A data key that exists already, under a key of the KMS. @throws KmsError */
export async function wrapSseKms(
  kms: KeyService,
  who: KmsCallerContext,
  arns: ObjectArns,
  keyId: string,
  context: EncryptionContext,
  dataKey: Secret,
): Promise<SseKmsWrap> {
  const made = await kms.encrypt(who, { keyId, plaintext: dataKey, context: objectContext(arns, context) });
  const encryptedKey = made.ciphertextBlob.toString('base64');
  return { mode: 'SSE-KMS', keyArn: made.keyArn, context: { ...context }, encryptedKey, ...others(made, arns) };
}

/** A data key, as random as any, under the bucket's key. @throws KmsError */
export async function createUnderBucketKey(
  bucketKeys: BucketKeys,
  who: KmsCallerContext,
  arns: ObjectArns,
  ids: ObjectIds,
  keyId: string,
  context: EncryptionContext,
  dataKey: Secret,
): Promise<SseKmsWrap> {
  const current = await bucketKeys.current(who, arns, ids.bucketId, keyId);
  const { keyArn, encryptedKey } = current;
  const underBucketKey = current.key.seal(localAad(ids, context), dataKey.expose()).toString('base64');
  return { mode: 'SSE-KMS', keyArn, context: { ...context }, encryptedKey, underBucketKey, ...others(current, arns) };
}

/** @throws KmsError; StoreDamaged */
export async function unwrapSseKms(
  kms: KeyService,
  bucketKeys: BucketKeys,
  who: KmsCallerContext,
  arns: ObjectArns,
  ids: ObjectIds,
  wrap: SseKmsWrap,
): Promise<Secret> {
  const ciphertextBlob = Buffer.from(wrap.encryptedKey, 'base64');
  if (wrap.underBucketKey === undefined) {
    const context = objectContext(arnsOfWrap(arns, wrap), wrap.context);
    return (await kms.decrypt(who, { ciphertextBlob, context, keyId: wrap.keyArn })).plaintext;
  }
  const key = await bucketKeys.open(who, arnsOfWrap(arns, wrap), ids.bucketId, wrap);
  return new Secret(key.open(localAad(ids, wrap.context), Buffer.from(wrap.underBucketKey, 'base64')));
}

const others = (made: MaterialId, arns: ObjectArns) => ({ ...materialMember(made), ...partitionMember(arns) });

const localAad = (ids: ObjectIds, context: EncryptionContext): Buffer => wrapAad(LABEL, ids, encodeContext(context));
