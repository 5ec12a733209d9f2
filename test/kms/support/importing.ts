import {
  constants,
  createCipheriv,
  createPublicKey,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import { sealTicket } from '../../../src/kms/import-token.js';
import type { Keys } from '../../../src/kms/keys.js';
import { ACCOUNT, type Answer } from '../harness.js';

export const ALGORITHMS = [
  'RSAES_OAEP_SHA_1',
  'RSAES_OAEP_SHA_256',
  'RSA_AES_KEY_WRAP_SHA_1',
  'RSA_AES_KEY_WRAP_SHA_256',
] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** What a client of ImportKeyMaterial does with its key. `publicKey`: SubjectPublicKeyInfo, DER. */
export function wrapMaterial(algorithm: Algorithm, publicKey: Buffer, material: Buffer): Buffer {
  const key = createPublicKey({ key: publicKey, format: 'der', type: 'spki' });
  const oaepHash = algorithm.endsWith('256') ? 'sha256' : 'sha1';
  const oaep = (bytes: Buffer) => publicEncrypt({ key, oaepHash, padding: constants.RSA_PKCS1_OAEP_PADDING }, bytes);
  if (algorithm.startsWith('RSAES')) return oaep(material);
  const aesKey = randomBytes(32);
  const cipher = createCipheriv('id-aes256-wrap-pad', aesKey, Buffer.from('A65959A6', 'hex'));
  return Buffer.concat([oaep(aesKey), cipher.update(material), cipher.final()]);
}

type Ask = (action: string, input: object) => Promise<Answer['json']>;

/** GetParametersForImport and ImportKeyMaterial. */
export async function importThrough(
  ask: Ask,
  KeyId: string,
  material: Buffer,
  algorithm: Algorithm,
  more: object = {},
) {
  const asked = { KeyId, WrappingAlgorithm: algorithm, WrappingKeySpec: 'RSA_2048' };
  const parameters = await ask('GetParametersForImport', asked);
  if (parameters.__type) return parameters;
  const encrypted = wrapMaterial(algorithm, Buffer.from(parameters.PublicKey, 'base64'), material);
  return ask('ImportKeyMaterial', {
    KeyId,
    ImportToken: parameters.ImportToken,
    EncryptedKeyMaterial: encrypted.toString('base64'),
    ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
    ...more,
  });
}

const pair = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { format: 'der', type: 'spki' },
  privateKeyEncoding: { format: 'der', type: 'pkcs8' },
});

/** The same with one wrapping key for all: making one takes longer than everything else. */
export function quickly(
  keys: Keys,
  KeyId: string,
  material: Buffer,
  more: object = {},
  algorithm: Algorithm = 'RSAES_OAEP_SHA_256',
) {
  const ticket = { accountId: ACCOUNT, keyId: KeyId, algorithm };
  const validToMs = keys.clock.now() + 1000;
  // Whoever seals a ticket zeroes it.
  const privateKey = Buffer.from(pair.privateKey);
  const token = sealTicket(keys.parts.tokenCipher, { ...ticket, validToMs, privateKey });
  return {
    KeyId,
    ImportToken: token.toString('base64'),
    EncryptedKeyMaterial: wrapMaterial(algorithm, pair.publicKey, material).toString('base64'),
    ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
    ...more,
  };
}
