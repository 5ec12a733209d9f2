import { constants, type KeyObject, privateDecrypt, publicEncrypt } from 'node:crypto';
import { Secret } from '../../base/secret.js';
import { invalidCiphertext, validation } from '../errors.js';
import { requireAlgorithm } from './key-spec.js';
import type { OpenedKey, OpenedPublicKey } from './opened-key.js';
import { modulusBytes } from './rsa-signing.js';

/** RSAES-OAEP of RFC 8017 with MGF1 of the same hash and an empty label. */
const OAEP: Readonly<Record<string, { hash: string; digestBytes: number }>> = {
  RSAES_OAEP_SHA_1: { hash: 'sha1', digestBytes: 20 },
  RSAES_OAEP_SHA_256: { hash: 'sha256', digestBytes: 32 },
};

/** `algorithm`: any name of EncryptionAlgorithmSpec. @throws KmsError InvalidKeyUsageException, ValidationException */
export function encryptRsa(key: OpenedPublicKey, algorithm: string, plaintext: Buffer): Buffer {
  requireAlgorithm(key.spec, 'ENCRYPT_DECRYPT', algorithm);
  const { hash, digestBytes } = OAEP[algorithm]!;
  const most = modulusBytes(key.keyObject) - 2 * digestBytes - 2;
  if (plaintext.length > most) {
    throw validation(`Algorithm ${algorithm} and key spec ${key.spec} cannot encrypt data larger than ${most} bytes.`);
  }
  return publicEncrypt({ key: key.keyObject, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash }, plaintext);
}

/** @throws KmsError InvalidKeyUsageException, and InvalidCiphertextException whatever is wrong with the ciphertext */
export function decryptRsa(key: OpenedKey, algorithm: string, ciphertext: Buffer): Secret {
  requireAlgorithm(key.spec, 'ENCRYPT_DECRYPT', algorithm);
  return decryptOaep(key.keyObject, OAEP[algorithm]!.hash, ciphertext);
}

/** `hash`: as node:crypto names it. @throws KmsError InvalidCiphertextException: which check failed would open the plaintext (Manger) */
export function decryptOaep(key: KeyObject, hash: string, ciphertext: Buffer): Secret {
  if (ciphertext.length !== modulusBytes(key)) throw invalidCiphertext();
  try {
    return new Secret(privateDecrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash }, ciphertext));
  } catch {
    throw invalidCiphertext();
  }
}
