import { Secret } from '../../base/secret.js';
import { unsupported } from '../errors.js';
import { type EcdsaSpec, type EdwardsSpec, isMlKem, type MlKemSpec, type RsaSpec } from './key-spec.js';
import { generatePair, type KeyMaterial } from './material.js';
import { mlKemPkcs8 } from './ml-kem.js';

export type DataKeyPairSpec = RsaSpec | EcdsaSpec | EdwardsSpec | MlKemSpec;

/** Of the API model but UNSUPPORTED_SPECS. */
export const DATA_KEY_PAIR_SPECS: readonly DataKeyPairSpec[] = [
  'RSA_2048',
  'RSA_3072',
  'RSA_4096',
  'ECC_NIST_P256',
  'ECC_NIST_P384',
  'ECC_NIST_P521',
  'ECC_SECG_P256K1',
  'ECC_NIST_EDWARDS25519',
  'ML_KEM_512',
  'ML_KEM_768',
  'ML_KEM_1024',
];

/**
 * GenerateDataKeyPair of the API: PKCS#8 DER and SubjectPublicKeyInfo DER. `spec`: any name of DataKeyPairSpec.
 * @throws KmsError UnsupportedOperationException for UNSUPPORTED_SPECS
 */
export async function generateDataKeyPair(spec: string): Promise<Required<KeyMaterial>> {
  const known = DATA_KEY_PAIR_SPECS.find((one) => one === spec);
  if (!known) throw unsupported(`KeyPairSpec ${spec} is not supported.`);
  const pair = await generatePair(known);
  if (!isMlKem(known)) return pair;
  const secret = new Secret(mlKemPkcs8(known, pair.secret.expose()));
  pair.secret.dispose();
  return { ...pair, secret };
}
