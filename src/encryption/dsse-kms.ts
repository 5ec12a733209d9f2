import { Secret } from '../base/secret.js';
import type { Xaes } from '../seal/xaes.js';
import { type MaterialId, materialMember } from './material-id.js';
import { type ObjectIds, wrapAad } from './object-ids.js';
import type { EncryptionContext, KeyService, KmsCallerContext } from './ports.js';
import { arnsOfWrap, type ContextPartition, type ObjectArns, objectContext, partitionMember } from './s3-context.js';

/** DSSE-KMS: the inner message's key is the KMS's, the outer one's lies under the store key. There is no bucket key. */
export interface DsseKmsWrap extends MaterialId, ContextPartition {
  mode: 'DSSE-KMS';
  keyArn: string;
  context: Record<string, string>;
  /** What KMS gave: decrypts to the inner key. */
  encryptedKey: string;
  /** XAES-256-GCM of the outer key under the store key. */
  outerKey: string;
}

const LABEL = 'coffer/dsse-kms/outer-wrap';

/** @throws KmsError */
export async function createDsseKms(
  kms: KeyService,
  storeKey: Xaes,
  who: KmsCallerContext,
  arns: ObjectArns,
  ids: ObjectIds,
  keyId: string,
  context: EncryptionContext,
  outerKey: Secret,
): Promise<{ innerKey: Secret; wrap: DsseKmsWrap }> {
  const made = await kms.generateDataKey(who, { keyId, context: objectContext(arns, context) });
  const wrap: DsseKmsWrap = {
    mode: 'DSSE-KMS',
    keyArn: made.keyArn,
    context: { ...context },
    encryptedKey: made.ciphertextBlob.toString('base64'),
    outerKey: sealOuter(storeKey, ids, outerKey),
    ...materialMember(made),
    ...partitionMember(arns),
  };
  return { innerKey: made.plaintext, wrap };
}

/** @throws KmsError; StoreDamaged */
export async function unwrapDsseKms(
  kms: KeyService,
  storeKey: Xaes,
  who: KmsCallerContext,
  arns: ObjectArns,
  ids: ObjectIds,
  wrap: DsseKmsWrap,
): Promise<{ innerKey: Secret; outerKey: Secret }> {
  const outerKey = openOuter(storeKey, ids, wrap);
  const ciphertextBlob = Buffer.from(wrap.encryptedKey, 'base64');
  const context = objectContext(arnsOfWrap(arns, wrap), wrap.context);
  try {
    const { plaintext } = await kms.decrypt(who, { ciphertextBlob, context, keyId: wrap.keyArn });
    return { innerKey: plaintext, outerKey };
  } catch (error) {
    outerKey.dispose();
    throw error;
  }
}

/** The same outer key under another store key. @throws StoreDamaged */
export function rewrapDsseOuter(from: Xaes, to: Xaes, ids: ObjectIds, wrap: DsseKmsWrap): DsseKmsWrap {
  const outerKey = openOuter(from, ids, wrap);
  try {
    return { ...wrap, outerKey: sealOuter(to, ids, outerKey) };
  } finally {
    outerKey.dispose();
  }
}

const sealOuter = (storeKey: Xaes, ids: ObjectIds, outerKey: Secret): string =>
  storeKey.seal(wrapAad(LABEL, ids), outerKey.expose()).toString('base64');

const openOuter = (storeKey: Xaes, ids: ObjectIds, wrap: DsseKmsWrap): Secret =>
  new Secret(storeKey.open(wrapAad(LABEL, ids), Buffer.from(wrap.outerKey, 'base64')));
