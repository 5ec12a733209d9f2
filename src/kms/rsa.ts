import type { Secret } from '../base/secret.js';
import type { Call } from './call.js';
import { decryptRsa, encryptRsa } from './crypto/rsa-encryption.js';
import type { KeyRecord } from './key-record.js';

/** With the public key of an RSA key. @throws ValidationException where the plaintext is too large for key and algorithm */
export function encryptUnderRsa(call: Call, record: KeyRecord, algorithm: string, plaintext: Buffer): Buffer {
  const backing = call.keys.current(record);
  call.note({ keyMaterialId: backing.id });
  return encryptRsa(call.keys.ring.wraps.publicKey(record, backing), algorithm, plaintext);
}

/** @throws InvalidCiphertextException */
export function decryptUnderRsa(call: Call, record: KeyRecord, algorithm: string, blob: Buffer): Secret {
  const backing = call.keys.current(record);
  call.note({ keyMaterialId: backing.id });
  return decryptRsa(call.keys.ring.wraps.key(record, backing), algorithm, blob);
}
