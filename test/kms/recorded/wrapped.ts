import { constants, createCipheriv, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto';
import type { Answer } from '../harness.js';

type Ask = (action: string, input?: object) => Promise<Answer>;
/** RFC 5649. */
const ALTERNATIVE_IV = Buffer.from('A65959A6', 'hex');

/** Wraps as a client of AWS does. `publicKey`: base64 of its SPKI. */
export function wrapMaterial(algorithm: string, publicKey: string, material: Buffer): string {
  const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' });
  const oaepHash = algorithm.endsWith('SHA_1') ? 'sha1' : 'sha256';
  const oaep = (bytes: Buffer) => publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, bytes);
  if (!algorithm.startsWith('RSA_AES')) return oaep(material).toString('base64');
  const aesKey = randomBytes(32);
  const cipher = createCipheriv('id-aes256-wrap-pad', aesKey, ALTERNATIVE_IV);
  return Buffer.concat([oaep(aesKey), cipher.update(material), cipher.final()]).toString('base64');
}

/** GetParametersForImport and ImportKeyMaterial. */
export async function importInto(
  ask: Ask,
  KeyId: string,
  material: Buffer,
  more: object = {},
  WrappingAlgorithm = 'RSAES_OAEP_SHA_256',
): Promise<Answer> {
  const { json } = await ask('GetParametersForImport', { KeyId, WrappingAlgorithm, WrappingKeySpec: 'RSA_2048' });
  return ask('ImportKeyMaterial', {
    KeyId,
    ImportToken: json.ImportToken,
    EncryptedKeyMaterial: wrapMaterial(WrappingAlgorithm, json.PublicKey, material),
    ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
    ...more,
  });
}
