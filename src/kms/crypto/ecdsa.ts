import { type KeyObject, sign, verify } from 'node:crypto';
import type { ECDSA } from '@noble/curves/abstract/weierstrass.js';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import type { Secret } from '../../base/secret.js';
import type { EcdsaSpec } from './key-spec.js';

interface Curve {
  /** OpenSSL's. */
  name: string;
  noble: ECDSA;
  /** SubjectPublicKeyInfo up to the point, which stands uncompressed: RFC 5480. */
  spkiPrefix: Buffer;
}

export const CURVES: Readonly<Record<EcdsaSpec, Curve>> = {
  ECC_NIST_P256: {
    name: 'prime256v1',
    noble: p256,
    spkiPrefix: Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex'),
  },
  ECC_NIST_P384: {
    name: 'secp384r1',
    noble: p384,
    spkiPrefix: Buffer.from('3076301006072a8648ce3d020106052b81040022036200', 'hex'),
  },
  ECC_NIST_P521: {
    name: 'secp521r1',
    noble: p521,
    spkiPrefix: Buffer.from('30819b301006072a8648ce3d020106052b8104002303818600', 'hex'),
  },
  ECC_SECG_P256K1: {
    name: 'secp256k1',
    noble: secp256k1,
    spkiPrefix: Buffer.from('3056301006072a8648ce3d020106052b8104000a034200', 'hex'),
  },
};

/** FIPS 186-5, signatures in DER (RFC 3279). Both ways of s are signed and accepted, as by OpenSSL and AWS. */
export function signEcdsa(key: KeyObject, hash: string, message: Buffer): Buffer {
  return sign(hash, message, { key, dsaEncoding: 'der' });
}

export function verifyEcdsa(key: KeyObject, hash: string, message: Buffer, signature: Buffer): boolean {
  return verify(hash, message, { key, dsaEncoding: 'der' }, signature);
}

/** `lowS` would refuse half of OpenSSL's signatures. */
const OF_DIGEST = { prehash: false, lowS: false, format: 'der' } as const;

/** Node signs no digest. The nonce is of RFC 6979 with random bytes besides (section 3.6). */
export function signEcdsaDigest(spec: EcdsaSpec, scalar: Secret, digest: Buffer): Buffer {
  return Buffer.from(CURVES[spec].noble.sign(digest, scalar.expose(), { ...OF_DIGEST, extraEntropy: true }));
}

/** `point`: uncompressed. */
export function verifyEcdsaDigest(spec: EcdsaSpec, point: Buffer, digest: Buffer, signature: Buffer): boolean {
  try {
    return CURVES[spec].noble.verify(signature, digest, point, OF_DIGEST);
  } catch {
    // It throws where the signature is no DER.
    return false;
  }
}
