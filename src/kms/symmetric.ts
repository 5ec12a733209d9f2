import type { MaybePromise } from '../base/maybe-promise.js';
import { type EncryptionContext, KmsError } from '../encryption/ports.js';
import { requireConnected, requireUsable } from './action.js';
import type { Call, FactsOf } from './call.js';
import { openBlob, readBlobHeader, sealBlob } from './ciphertext-blob.js';
import { notForCiphertext } from './denial.js';
import { incorrectKey, invalidCiphertext } from './errors.js';
import { decryptHeld, encryptHeld } from './held.js';
import type { KmsAction } from './key-authorizer.js';
import type { KeyRecord } from './key-record.js';
import { isThere } from './states.js';

/**
 * Under the current backing key; a promise where a custom key store holds it.
 * @throws KMSInvalidStateException where nothing was imported
 */
export function encryptUnder(
  call: Call,
  record: KeyRecord,
  context: EncryptionContext,
  plaintext: Uint8Array,
): MaybePromise<{ blob: Buffer; keyMaterialId: string }> {
  const backing = call.keys.current(record);
  const header = { keyId: record.keyId, backingKeyId: backing.id };
  call.note({ keyMaterialId: backing.id });
  if (record.keyStore) return encryptHeld(call, record, backing, context, plaintext);
  const blob = sealBlob(call.keys.ring.wraps.cipher(record, backing), header, context, plaintext);
  return { blob, keyMaterialId: backing.id };
}

/** Data keys are under symmetric keys alone. @throws InvalidKeyUsageException */
export function requireSymmetric({ spec }: KeyRecord, arn: string): void {
  if (spec === 'SYMMETRIC_DEFAULT') return;
  throw new KmsError('InvalidKeyUsageException', `${arn} key spec is ${spec} which is not valid for this operation.`);
}

export interface CiphertextRequest {
  ciphertextBlob: Uint8Array;
  context: EncryptionContext;
  /** The KeyId that the request names. */
  keyId?: string | undefined;
  action?: KmsAction;
  facts: FactsOf;
}

/**
 * The key that a ciphertext names, authorized and usable; one that the request names must be the same.
 * @throws InvalidCiphertextException, IncorrectKeyException, AccessDeniedException and those of a key's state
 */
export async function keyOfCiphertext(call: Call, request: CiphertextRequest): Promise<KeyRecord> {
  const { keyId, facts, action = `kms:${call.name}` } = request;
  const header = readBlobHeader(request.ciphertextBlob);
  const options = { action, otherAccounts: true, byAlias: true };
  let record: KeyRecord;
  if (keyId !== undefined) {
    record = await call.key(keyId, facts, options);
    if (!header || header.keyId !== record.keyId)
      throw header || record.spec !== 'SYMMETRIC_DEFAULT' ? incorrectKey() : invalidCiphertext();
  } else {
    if (!header) throw invalidCiphertext();
    record = await findNamed(call, header.keyId, action);
    await authorizeNamed(call, record, facts, options);
  }
  requireUsable(call, record, 'usable', 'ENCRYPT_DECRYPT');
  const connected = requireConnected(call, record);
  if (connected) await connected;
  return record;
}

/** @throws InvalidCiphertextException: it doesn't say whether the bytes or the context were wrong */
export function decryptBlob(
  call: Call,
  record: KeyRecord,
  blob: Uint8Array,
  context: EncryptionContext,
): MaybePromise<{ plaintext: Buffer; keyMaterialId: string }> {
  const header = readBlobHeader(blob);
  const backing = record.backingKeys.find((one) => one.id === header?.backingKeyId);
  if (!backing) throw invalidCiphertext();
  if (record.keyStore) return decryptHeld(call, record, backing, blob, context);
  if (!isThere(backing, call.keys.clock.now())) throw invalidCiphertext();
  call.note({ keyMaterialId: backing.id });
  const plaintext = openBlob(call.keys.ring.wraps.cipher(record, backing), context, blob);
  if (!plaintext) throw invalidCiphertext();
  return { plaintext, keyMaterialId: backing.id };
}

/** A ciphertext says which key, not whose: the caller's account comes first, then the others that Coffer has. */
async function findNamed(call: Call, keyId: string, action: KmsAction): Promise<KeyRecord> {
  const own = call.who.caller.accountId;
  const others = call.keys.parts.principals.accountIds().filter((one) => one !== own);
  for (const accountId of [own, ...others]) {
    try {
      return await call.find({ accountId, keyId });
    } catch (error) {
      if (!(error instanceof KmsError) || error.code !== 'NotFoundException') throw error;
    }
  }
  throw notForCiphertext(call.who, action);
}

/** Whether another account has such a key is nobody's business: to whom it is closed, it is as one that isn't there. */
async function authorizeNamed(
  call: Call,
  record: KeyRecord,
  facts: FactsOf,
  options: { action: KmsAction; otherAccounts: boolean },
): Promise<void> {
  try {
    await call.authorize(record, facts, options);
  } catch (error) {
    const other = record.accountId !== call.who.caller.accountId;
    if (other && error instanceof KmsError && error.code === 'AccessDeniedException') {
      throw notForCiphertext(call.who, options.action);
    }
    throw error;
  }
}
