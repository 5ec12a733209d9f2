import { generateKeyPair, type KeyPairKeyObjectResult, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { Secret } from '../../base/secret.js';
import { Bound } from './bound.js';
import { CURVES } from './ecdsa.js';
import {
  type HmacSpec,
  isEdwards,
  isHmac,
  isMlDsa,
  isMlKem,
  isRsa,
  type KeySpec,
  type MlDsaSpec,
  type MlKemSpec,
  type PairSpec,
  type RsaSpec,
} from './key-spec.js';
import { expandSeed, ML_DSA_SEED_BYTES, mlDsaSpki } from './ml-dsa.js';
import { expandKemSeed, ML_KEM_SEED_BYTES, mlKemSpki } from './ml-kem.js';

/**
 * A key as it is stored. `secret`: 32 bytes for SYMMETRIC_DEFAULT, the HMAC key, PKCS#8 DER for RSA, ECC and Ed25519, the
 * 32-byte seed for ML-DSA, the 64-byte one for ML-KEM (FORMAT.md, "Key material"). `publicKey`: SubjectPublicKeyInfo DER, what GetPublicKey answers.
 */
export interface KeyMaterial {
  secret: Secret;
  publicKey?: Buffer;
}

export const SYMMETRIC_KEY_BYTES = 32;
export const HMAC_KEY_BYTES: Readonly<Record<HmacSpec, number>> = {
  HMAC_224: 28,
  HMAC_256: 32,
  HMAC_384: 48,
  HMAC_512: 64,
};
export const MODULUS_BITS: Readonly<Record<RsaSpec, number>> = { RSA_2048: 2048, RSA_3072: 3072, RSA_4096: 4096 };
export const PUBLIC_EXPONENT = 65_537;

const generate = promisify(generateKeyPair);
const SPKI = { type: 'spki', format: 'der' } as const;
const PKCS8 = { type: 'pkcs8', format: 'der' } as const;

/** LevelDB works on the same four threads: some stay free for it, whoever asks for RSA pairs. */
const rsaGenerations = new Bound({ atOnce: 2, waiting: 16 });

/**
 * RSA takes up to seconds, on a thread of its own.
 * @throws KmsError ThrottlingException where more are asked for than can be made
 */
export async function generateMaterial(spec: KeySpec): Promise<KeyMaterial> {
  if (spec === 'SYMMETRIC_DEFAULT') return { secret: new Secret(randomBytes(SYMMETRIC_KEY_BYTES)) };
  if (isHmac(spec)) return { secret: new Secret(randomBytes(HMAC_KEY_BYTES[spec])) };
  return generatePair(spec);
}

/** As `generateMaterial`, for what has a public half. */
export async function generatePair(spec: PairSpec): Promise<Required<KeyMaterial>> {
  if (isMlDsa(spec)) return mlDsaMaterial(spec, randomBytes(ML_DSA_SEED_BYTES));
  if (isMlKem(spec)) return mlKemMaterial(spec, randomBytes(ML_KEM_SEED_BYTES));
  const { privateKey, publicKey } = await newPair(spec);
  return { secret: new Secret(privateKey.export(PKCS8)), publicKey: publicKey.export(SPKI) };
}

function newPair(spec: Exclude<PairSpec, MlDsaSpec | MlKemSpec>): Promise<KeyPairKeyObjectResult> {
  if (isEdwards(spec)) return generate('ed25519');
  if (isRsa(spec)) {
    const asked = { modulusLength: MODULUS_BITS[spec], publicExponent: PUBLIC_EXPONENT };
    return rsaGenerations.take(() => generate('rsa', asked));
  }
  return generate('ec', { namedCurve: CURVES[spec].name });
}

/** Takes the seed over. */
export function mlDsaMaterial(spec: MlDsaSpec, seed: Buffer): Required<KeyMaterial> {
  const { secretKey, publicKey } = expandSeed(spec, seed);
  secretKey.dispose();
  return { secret: new Secret(seed), publicKey: mlDsaSpki(spec, publicKey) };
}

/** Takes the seed over. */
export function mlKemMaterial(spec: MlKemSpec, seed: Buffer): Required<KeyMaterial> {
  const { secretKey, publicKey } = expandKemSeed(spec, seed);
  secretKey.dispose();
  return { secret: new Secret(seed), publicKey: mlKemSpki(spec, publicKey) };
}
