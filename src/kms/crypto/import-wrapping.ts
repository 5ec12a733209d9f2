import { createDecipheriv, createPrivateKey, type KeyObject } from 'node:crypto';
import { Secret } from '../../base/secret.js';
import { invalidCiphertext, unsupported } from '../errors.js';
import type { RsaSpec } from './key-spec.js';
import { generatePair, type KeyMaterial } from './material.js';
import { decryptOaep } from './rsa-encryption.js';
import { modulusBytes } from './rsa-signing.js';

/** `keyWrap`: OAEP holds an AES key under which the material is wrapped, as PKCS #11 has it (CKM_RSA_AES_KEY_WRAP). */
const ALGORITHMS = {
  RSAES_OAEP_SHA_1: { hash: 'sha1', keyWrap: false },
  RSAES_OAEP_SHA_256: { hash: 'sha256', keyWrap: false },
  RSA_AES_KEY_WRAP_SHA_1: { hash: 'sha1', keyWrap: true },
  RSA_AES_KEY_WRAP_SHA_256: { hash: 'sha256', keyWrap: true },
} as const;

export type WrappingAlgorithm = keyof typeof ALGORITHMS;
const WRAPPING_SPECS: readonly RsaSpec[] = ['RSA_2048', 'RSA_3072', 'RSA_4096'];
const AES_KEY_BYTES = 32;
/** RFC 5649, section 3. */
const ALTERNATIVE_IV = Buffer.from('A65959A6', 'hex');

/**
 * `name`: any of AlgorithmSpec.
 * @throws KmsError UnsupportedOperationException for RSAES_PKCS1_V1_5, which AWS ended in October 2023, and SM2PKE
 */
export function requireWrappingAlgorithm(name: string): WrappingAlgorithm {
  if (Object.hasOwn(ALGORITHMS, name)) return name as WrappingAlgorithm;
  throw unsupported(`WrappingAlgorithm ${name} is not supported.`);
}

/** For GetParametersForImport. `spec`: any name of WrappingKeySpec. @throws KmsError UnsupportedOperationException for SM2 */
export async function newWrappingKey(spec: string): Promise<Required<KeyMaterial>> {
  const known = WRAPPING_SPECS.find((one) => one === spec);
  if (!known) throw unsupported(`WrappingKeySpec ${spec} is not supported.`);
  return generatePair(known);
}

/** `wrappingKey`: the secret of `newWrappingKey`. @throws KmsError InvalidCiphertextException whatever is wrong with `encrypted` */
export function unwrapImported(algorithm: WrappingAlgorithm, wrappingKey: Secret, encrypted: Buffer): Secret {
  const key = createPrivateKey({ key: wrappingKey.expose(), format: 'der', type: 'pkcs8' });
  const { hash, keyWrap } = ALGORITHMS[algorithm];
  return keyWrap ? unwrapTwice(key, hash, encrypted) : decryptOaep(key, hash, encrypted);
}

function unwrapTwice(key: KeyObject, hash: string, encrypted: Buffer): Secret {
  const bytes = modulusBytes(key);
  const aesKey = decryptOaep(key, hash, encrypted.subarray(0, bytes));
  try {
    return unwrapPadded(aesKey, encrypted.subarray(bytes));
  } finally {
    aesKey.dispose();
  }
}

/** AES key unwrap with padding, RFC 5649, under a key of 256 bits. @throws KmsError InvalidCiphertextException */
export function unwrapPadded(aesKey: Secret, wrapped: Buffer): Secret {
  // OpenSSL makes nothing out of nothing, without a complaint.
  if (aesKey.length !== AES_KEY_BYTES || wrapped.length === 0) throw invalidCiphertext();
  try {
    const decipher = createDecipheriv('id-aes256-wrap-pad', aesKey.expose(), ALTERNATIVE_IV);
    const plaintext = decipher.update(wrapped);
    decipher.final();
    return new Secret(plaintext);
  } catch {
    throw invalidCiphertext();
  }
}
