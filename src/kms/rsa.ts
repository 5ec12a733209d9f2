import type { EncryptionAlgorithm } from './algorithm.js';
import type { Call } from './call.js';
import { decryptOaep, encryptOaep, type OaepAlgorithm } from './crypto/rsa-encryption.js';
import { unsupported } from './errors.js';
import type { KeyRecord } from './key-record.js';

/** With the public key of an RSA key. @throws ValidationException where the plaintext is too large for key and algorithm */
export function encryptRsa(call: Call, record: KeyRecord, algorithm: EncryptionAlgorithm, plaintext: Buffer): Buffer {
  const backing = call.keys.current(record);
  call.note({ keyMaterialId: backing.id });
  return encryptOaep(call.keys.ring.wraps.key(record, backing), oaep(algorithm), plaintext);
}

/** @throws InvalidCiphertextException */
export function decryptRsa(call: Call, record: KeyRecord, algorithm: EncryptionAlgorithm, blob: Buffer): Buffer {
  const backing = call.keys.current(record);
  call.note({ keyMaterialId: backing.id });
  return decryptOaep(call.keys.ring.wraps.key(record, backing), oaep(algorithm), blob);
}

function oaep(algorithm: EncryptionAlgorithm): OaepAlgorithm {
  if (algorithm === 'RSAES_OAEP_SHA_1' || algorithm === 'RSAES_OAEP_SHA_256') return algorithm;
  throw unsupported(`${algorithm} is not supported.`);
}
