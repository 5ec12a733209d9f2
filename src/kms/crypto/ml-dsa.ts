import { ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa.js';
import { Secret } from '../../base/secret.js';
import { spkiOf } from './key-der.js';
import type { MlDsaSpec } from './key-spec.js';

/** FIPS 204, hedged, with an empty context. Node 20 has none of it. */
const SETS = {
  ML_DSA_44: { dsa: ml_dsa44, oidEnd: 0x11 },
  ML_DSA_65: { dsa: ml_dsa65, oidEnd: 0x12 },
  ML_DSA_87: { dsa: ml_dsa87, oidEnd: 0x13 },
} as const;

/** What a private key is stored as: RFC 9881, section 6, prefers it over the 2,560 to 4,896 bytes expanded from it. */
export const ML_DSA_SEED_BYTES = 32;

/** 2.16.840.1.101.3.4.3, to be followed by 17, 18 or 19: RFC 9881, section 2. */
const SIGNATURE_ALGORITHMS = Buffer.from('6086480165030403', 'hex');

/** Content of the OBJECT IDENTIFIER. */
export const mlDsaOid = (spec: MlDsaSpec): Buffer =>
  Buffer.concat([SIGNATURE_ALGORITHMS, Buffer.of(SETS[spec].oidEnd)]);

/** The expanded private key and the public key (both as FIPS 204 encodes them). Takes milliseconds. `seed`: 32 bytes, not kept. */
export function expandSeed(spec: MlDsaSpec, seed: Buffer): { secretKey: Secret; publicKey: Buffer } {
  const { secretKey, publicKey } = SETS[spec].dsa.keygen(seed);
  return { secretKey: new Secret(asBuffer(secretKey)), publicKey: asBuffer(publicKey) };
}

/** SubjectPublicKeyInfo, DER. */
export const mlDsaSpki = (spec: MlDsaSpec, publicKey: Buffer): Buffer => spkiOf(mlDsaOid(spec), publicKey);

/** `message`: the message itself, or where `externalMu` the 64-byte representative that FIPS 204 makes of it. */
export function signMlDsa(spec: MlDsaSpec, secretKey: Secret, message: Buffer, externalMu: boolean): Buffer {
  const { dsa } = SETS[spec];
  const key = secretKey.expose();
  return asBuffer(externalMu ? dsa.internal.sign(message, key, { externalMu: true }) : dsa.sign(message, key));
}

export function verifyMlDsa(
  spec: MlDsaSpec,
  publicKey: Buffer,
  message: Buffer,
  signature: Buffer,
  externalMu: boolean,
): boolean {
  const { dsa } = SETS[spec];
  if (signature.length !== dsa.lengths.signature) return false;
  return externalMu
    ? dsa.internal.verify(signature, message, publicKey, { externalMu: true })
    : dsa.verify(signature, message, publicKey);
}

/** Of one allocation, so that zeroing it leaves nothing. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length);
}
