import { KMS_CIPHERTEXT_MAX_BYTES } from '../base/limits.js';
import type { MaybePromise } from '../base/maybe-promise.js';
import type { EncryptionContext } from '../encryption/ports.js';
import { requireConnected, requireUsable } from './action.js';
import { algorithmFacts, type EncryptionAlgorithm, requireAlgorithm } from './algorithm.js';
import type { Call } from './call.js';
import type { RequestFacts } from './conditions.js';
import { validation } from './errors.js';
import { type Input, KEY_ID } from './fields.js';
import type { KmsAction } from './key-authorizer.js';
import type { KeyRecord } from './key-record.js';
import { decryptUnderRsa } from './rsa.js';
import { decryptBlob, keyOfCiphertext } from './symmetric.js';

/** What Decrypt and the source of ReEncrypt are asked with. */
export interface Ciphertext {
  /** Absent in a dry run that is about the permissions alone. */
  blob: Buffer | undefined;
  context: EncryptionContext;
  keyId: string | undefined;
  algorithm: EncryptionAlgorithm;
}

/** `IGNORE_CIPHERTEXT` of a dry run: the ciphertext isn't looked at, and needn't be there. */
export function readCiphertext(input: Input, dryRun: boolean): Buffer | undefined {
  const modifiers = input.someOf('DryRunModifiers', ['IGNORE_CIPHERTEXT']) ?? [];
  const ignored = modifiers.length > 0;
  if (ignored && !dryRun) throw validation('DryRunModifiers is only valid when DryRun is true.');
  const limits = { min: 1, max: KMS_CIPHERTEXT_MAX_BYTES };
  if (!ignored) return input.requiredBlob('CiphertextBlob', limits);
  input.blob('CiphertextBlob', limits);
  return undefined;
}

/** `member`: of the key's id. A key that isn't symmetric has to be named: its ciphertexts don't. */
export function readSourceKey(input: Input, member: string, needed: boolean): string | undefined {
  return needed ? input.requiredText(member, KEY_ID) : input.text(member, KEY_ID);
}

/** Finds, authorizes and checks the key of a ciphertext. */
export async function keyFor(
  call: Call,
  { blob, context, keyId, algorithm }: Ciphertext,
  action: KmsAction,
  more: (record: KeyRecord) => RequestFacts['keys'] = () => undefined,
): Promise<KeyRecord> {
  const facts = (record: KeyRecord): RequestFacts => ({
    encryptionContext: context,
    keys: { ...algorithmFacts(algorithm), ...more(record) },
  });
  if (blob && algorithm === 'SYMMETRIC_DEFAULT') {
    return keyOfCiphertext(call, { ciphertextBlob: blob, context, keyId, action, facts });
  }
  const record = await call.key(keyId!, facts, { action, otherAccounts: true, byAlias: true });
  requireUsable(call, record, 'usable', 'ENCRYPT_DECRYPT');
  const connected = requireConnected(call, record);
  if (connected) await connected;
  requireAlgorithm(algorithm, record.spec, context);
  return record;
}

/** Zero the plaintext after use. @throws InvalidCiphertextException */
export function open(
  call: Call,
  record: KeyRecord,
  { blob, context, algorithm }: Ciphertext,
): MaybePromise<{ plaintext: Buffer; keyMaterialId?: string }> {
  if (algorithm === 'SYMMETRIC_DEFAULT') return decryptBlob(call, record, blob!, context);
  return { plaintext: decryptUnderRsa(call, record, algorithm, blob!).expose() };
}
