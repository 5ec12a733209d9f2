import { randomBytes } from 'node:crypto';
import { ml_kem512, ml_kem768, ml_kem1024 } from '@noble/post-quantum/ml-kem.js';
import { Secret } from '../../base/secret.js';
import { invalidCiphertext } from '../errors.js';
import { spkiOf } from './key-der.js';
import { type MlKemSpec, requireAlgorithm } from './key-spec.js';
import type { OpenedKey, OpenedPublicKey } from './opened-key.js';

/** FIPS 203. Node 20 has none of it. */
const SETS = {
  ML_KEM_512: { kem: ml_kem512, oidEnd: 1 },
  ML_KEM_768: { kem: ml_kem768, oidEnd: 2 },
  ML_KEM_1024: { kem: ml_kem1024, oidEnd: 3 },
} as const;

/** d ‖ z of FIPS 203, algorithm 16: what a private key is stored as and, by RFC 9935, section 6, preferably sent as. */
export const ML_KEM_SEED_BYTES = 64;
/** The randomness m of FIPS 203, algorithm 17. */
const MESSAGE_BYTES = 32;

/** 2.16.840.1.101.3.4.4, to be followed by 1, 2 or 3: RFC 9935, section 3. */
const KEMS = Buffer.from('6086480165030404', 'hex');

/** Content of the OBJECT IDENTIFIER. */
export const mlKemOid = (spec: MlKemSpec): Buffer => Buffer.concat([KEMS, Buffer.of(SETS[spec].oidEnd)]);

/** The decapsulation key and the encapsulation key, as FIPS 203 encodes them. Takes milliseconds. `seed`: 64 bytes, not kept. */
export function expandKemSeed(spec: MlKemSpec, seed: Buffer): { secretKey: Secret; publicKey: Buffer } {
  const { secretKey, publicKey } = SETS[spec].kem.keygen(seed);
  return { secretKey: new Secret(asBuffer(secretKey)), publicKey: asBuffer(publicKey) };
}

/** SubjectPublicKeyInfo, DER. */
export const mlKemSpki = (spec: MlKemSpec, publicKey: Buffer): Buffer => spkiOf(mlKemOid(spec), publicKey);

/** PKCS#8 (RFC 5958) with the seed alone (RFC 9935, section 6): 86 bytes whatever the spec. */
export function mlKemPkcs8(spec: MlKemSpec, seed: Buffer): Buffer {
  const oid = mlKemOid(spec);
  const head = Buffer.concat([
    Buffer.of(0x30, 84, 0x02, 1, 0, 0x30, oid.length + 2, 0x06, oid.length),
    oid,
    Buffer.of(0x04, ML_KEM_SEED_BYTES + 2, 0x80, ML_KEM_SEED_BYTES),
  ]);
  const pkcs8 = Buffer.alloc(head.length + ML_KEM_SEED_BYTES);
  head.copy(pkcs8);
  seed.copy(pkcs8, head.length);
  return pkcs8;
}

/** Encapsulate of the API. The shared secret has 32 bytes. @throws KmsError InvalidKeyUsageException */
export function encapsulate(key: OpenedPublicKey): { sharedSecret: Secret; ciphertext: Buffer } {
  requireAlgorithm(key.spec, 'ENCAPSULATE_DECAPSULATE', 'ML_KEM');
  const message = randomBytes(MESSAGE_BYTES);
  try {
    const { cipherText, sharedSecret } = SETS[key.spec as MlKemSpec].kem.encapsulate(key.bits, message);
    return { sharedSecret: new Secret(asBuffer(sharedSecret)), ciphertext: asBuffer(cipherText) };
  } finally {
    message.fill(0);
  }
}

/**
 * Decapsulate of the API: of what wasn't encapsulated for this key comes a secret that nobody else has (implicit rejection).
 * @throws KmsError InvalidKeyUsageException, and InvalidCiphertextException where the length isn't the spec's
 */
export function decapsulate(key: OpenedKey, ciphertext: Buffer): Secret {
  requireAlgorithm(key.spec, 'ENCAPSULATE_DECAPSULATE', 'ML_KEM');
  const { kem } = SETS[key.spec as MlKemSpec];
  if (ciphertext.length !== kem.lengths.cipherText) throw invalidCiphertext();
  return new Secret(asBuffer(kem.decapsulate(ciphertext, key.raw.expose())));
}

/** Of one allocation, so that zeroing it leaves nothing. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length);
}
