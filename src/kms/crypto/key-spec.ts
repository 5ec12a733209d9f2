import { KmsError } from '../../encryption/ports.js';
import { unsupported, validation } from '../errors.js';
import type { SigningAlgorithm } from './signing-algorithm.js';

export type KeyUsage =
  | 'ENCRYPT_DECRYPT'
  | 'SIGN_VERIFY'
  | 'GENERATE_VERIFY_MAC'
  | 'KEY_AGREEMENT'
  | 'ENCAPSULATE_DECAPSULATE';
export type EncryptionAlgorithm = 'SYMMETRIC_DEFAULT' | 'RSAES_OAEP_SHA_1' | 'RSAES_OAEP_SHA_256';
export type MacAlgorithm = 'HMAC_SHA_224' | 'HMAC_SHA_256' | 'HMAC_SHA_384' | 'HMAC_SHA_512';

export type RsaSpec = 'RSA_2048' | 'RSA_3072' | 'RSA_4096';
export type NistCurveSpec = 'ECC_NIST_P256' | 'ECC_NIST_P384' | 'ECC_NIST_P521';
export type EcdsaSpec = NistCurveSpec | 'ECC_SECG_P256K1';
export type EdwardsSpec = 'ECC_NIST_EDWARDS25519';
export type MlDsaSpec = 'ML_DSA_44' | 'ML_DSA_65' | 'ML_DSA_87';
export type MlKemSpec = 'ML_KEM_512' | 'ML_KEM_768' | 'ML_KEM_1024';
export type HmacSpec = 'HMAC_224' | 'HMAC_256' | 'HMAC_384' | 'HMAC_512';
/** Of what a pair of keys is made. */
export type PairSpec = RsaSpec | EcdsaSpec | EdwardsSpec | MlDsaSpec | MlKemSpec;
/** All of the API model but UNSUPPORTED_SPECS. */
export type KeySpec = 'SYMMETRIC_DEFAULT' | HmacSpec | PairSpec;

/** What of KeyMetadata follows from spec and usage. Exactly one list is there. */
export interface KeyAlgorithms {
  EncryptionAlgorithms?: readonly EncryptionAlgorithm[];
  SigningAlgorithms?: readonly SigningAlgorithm[];
  MacAlgorithms?: readonly MacAlgorithm[];
  KeyAgreementAlgorithms?: readonly 'ECDH'[];
  EncapsulationAlgorithms?: readonly 'ML_KEM'[];
}

/** By the usage a key was created with, in the order of DescribeKey. A usage that is absent is not allowed. */
type Uses = Partial<Record<KeyUsage, KeyAlgorithms>>;

const rsa: Uses = {
  ENCRYPT_DECRYPT: { EncryptionAlgorithms: ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'] },
  SIGN_VERIFY: {
    SigningAlgorithms: [
      'RSASSA_PKCS1_V1_5_SHA_256',
      'RSASSA_PKCS1_V1_5_SHA_384',
      'RSASSA_PKCS1_V1_5_SHA_512',
      'RSASSA_PSS_SHA_256',
      'RSASSA_PSS_SHA_384',
      'RSASSA_PSS_SHA_512',
    ],
  },
};
const signing = (...algorithms: SigningAlgorithm[]): Uses => ({ SIGN_VERIFY: { SigningAlgorithms: algorithms } });
const nist = (algorithm: SigningAlgorithm): Uses => ({
  ...signing(algorithm),
  KEY_AGREEMENT: { KeyAgreementAlgorithms: ['ECDH'] },
});
const kem: Uses = { ENCAPSULATE_DECAPSULATE: { EncapsulationAlgorithms: ['ML_KEM'] } };
const mac = (algorithm: MacAlgorithm): Uses => ({ GENERATE_VERIFY_MAC: { MacAlgorithms: [algorithm] } });

/** https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html */
export const KEY_SPECS: Readonly<Record<KeySpec, Uses>> = {
  SYMMETRIC_DEFAULT: { ENCRYPT_DECRYPT: { EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'] } },
  RSA_2048: rsa,
  RSA_3072: rsa,
  RSA_4096: rsa,
  ECC_NIST_P256: nist('ECDSA_SHA_256'),
  ECC_NIST_P384: nist('ECDSA_SHA_384'),
  ECC_NIST_P521: nist('ECDSA_SHA_512'),
  ECC_SECG_P256K1: signing('ECDSA_SHA_256'),
  ECC_NIST_EDWARDS25519: signing('ED25519_SHA_512', 'ED25519_PH_SHA_512'),
  ML_DSA_44: signing('ML_DSA_SHAKE_256'),
  ML_DSA_65: signing('ML_DSA_SHAKE_256'),
  ML_DSA_87: signing('ML_DSA_SHAKE_256'),
  ML_KEM_512: kem,
  ML_KEM_768: kem,
  ML_KEM_1024: kem,
  HMAC_224: mac('HMAC_SHA_224'),
  HMAC_256: mac('HMAC_SHA_256'),
  HMAC_384: mac('HMAC_SHA_384'),
  HMAC_512: mac('HMAC_SHA_512'),
};

/** Of the API model, known and refused. SM2 AWS has in China only. */
export const UNSUPPORTED_SPECS = ['SM2'] as const;

export const isRsa = (spec: KeySpec): spec is RsaSpec => spec.startsWith('RSA_');
export const isHmac = (spec: KeySpec): spec is HmacSpec => spec.startsWith('HMAC_');
export const isMlDsa = (spec: KeySpec): spec is MlDsaSpec => spec.startsWith('ML_DSA_');
export const isMlKem = (spec: KeySpec): spec is MlKemSpec => spec.startsWith('ML_KEM_');
export const isEdwards = (spec: KeySpec): spec is EdwardsSpec => spec === 'ECC_NIST_EDWARDS25519';
export const isEcdsa = (spec: KeySpec): spec is EcdsaSpec => spec.startsWith('ECC_') && !isEdwards(spec);
export const isNistCurve = (spec: KeySpec): spec is NistCurveSpec => spec.startsWith('ECC_NIST_P');
/** Whether the key has a public half. */
export const isPair = (spec: KeySpec): spec is PairSpec => spec !== 'SYMMETRIC_DEFAULT' && !isHmac(spec);

/** `name`: one of the API model's. @throws KmsError UnsupportedOperationException for UNSUPPORTED_SPECS */
export function requireKeySpec(name: string): KeySpec {
  if (Object.hasOwn(KEY_SPECS, name)) return name as KeySpec;
  throw unsupported(`KeySpec ${name} is not supported.`);
}

/** The algorithms of a key with this usage. @throws KmsError ValidationException where the spec doesn't allow the usage */
export function algorithmsOf(spec: KeySpec, usage: KeyUsage): KeyAlgorithms {
  const algorithms = KEY_SPECS[spec][usage];
  if (!algorithms) throw validation(`KeyUsage ${usage} is not compatible with KeySpec ${spec}`);
  return algorithms;
}

/**
 * Whether keys of the spec know the algorithm for that usage. What usage a key has is the caller's to check.
 * @throws KmsError InvalidKeyUsageException
 */
export function requireAlgorithm(spec: KeySpec, usage: KeyUsage, algorithm: string): void {
  const lists = Object.values(KEY_SPECS[spec][usage] ?? {}) as (readonly string[])[];
  if (lists.some((list) => list.includes(algorithm))) return;
  throw new KmsError('InvalidKeyUsageException', `Algorithm ${algorithm} is incompatible with key spec ${spec}.`);
}
