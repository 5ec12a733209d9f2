import { type EncryptionContext, KmsError } from '../encryption/ports.js';
import { StoreDamaged } from '../store/errors.js';
import type { Call } from './call.js';
import { BLOB_KINDS, type HeldKind, headOf, heldAad, heldOf, ownAad, sealHeld } from './ciphertext-blob.js';
import { invalidCiphertext } from './errors.js';
import type { BackingKey, KeyRecord } from './key-record.js';

const kindOf = ({ origin }: KeyRecord): HeldKind => (origin === 'EXTERNAL_KEY_STORE' ? 'external' : 'cluster');

/**
 * Under a key of a custom key store. In an external one twice, as AWS does it: by Coffer's own material, then by the proxy, so that
 * the proxy never sees what is encrypted and neither opens it alone. @throws KMSInvalidStateException
 */
export async function encryptHeld(
  call: Call,
  record: KeyRecord,
  backing: BackingKey,
  context: EncryptionContext,
  plaintext: Uint8Array,
): Promise<{ blob: Buffer; keyMaterialId: string }> {
  const { stores, ring } = call.keys;
  const kind = kindOf(record);
  const head = headOf({ keyId: record.keyId, backingKeyId: backing.id }, kind);
  const aad = heldAad(head, context);
  const inner =
    kind === 'external'
      ? ring.wraps.cipher(record, backing).seal(ownAad(head, context), plaintext)
      : Buffer.from(plaintext.buffer, plaintext.byteOffset, plaintext.length);
  const held = await stores.encrypt(call, record, inner, aad);
  return { blob: sealHeld(head, held), keyMaterialId: backing.id };
}

/** Zero the plaintext after use. @throws InvalidCiphertextException, KMSInvalidStateException */
export async function decryptHeld(
  call: Call,
  record: KeyRecord,
  backing: BackingKey,
  blob: Uint8Array,
  context: EncryptionContext,
): Promise<{ plaintext: Buffer; keyMaterialId: string }> {
  const { stores, ring } = call.keys;
  const kind = kindOf(record);
  if (blob[0] !== BLOB_KINDS[kind]) throw invalidCiphertext();
  call.note({ keyMaterialId: backing.id });
  const head = headOf({ keyId: record.keyId, backingKeyId: backing.id }, kind);
  const inner = await stores.decrypt(call, record, heldOf(blob), heldAad(head, context));
  if (kind === 'cluster') return { plaintext: inner, keyMaterialId: backing.id };
  try {
    const plaintext = ring.wraps.cipher(record, backing).open(ownAad(head, context), inner);
    return { plaintext, keyMaterialId: backing.id };
  } catch (error) {
    // What the proxy gave back isn't what it was given to encrypt.
    if (error instanceof StoreDamaged) throw new KmsError('KMSInvalidStateException', INVALID);
    throw error;
  }
}

/** The words of AWS's XKS proxy API specification. */
const INVALID =
  'The ciphertext that the external key store proxy submitted for decryption, or the encryption context, is corrupted, missing, or otherwise invalid.';
