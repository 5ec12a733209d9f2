import { constants, type KeyObject, privateEncrypt, publicDecrypt, randomBytes, sign, verify } from 'node:crypto';
import { promisify } from 'node:util';
import { encodePkcs1, encodePss, verifyPss } from './emsa.js';
import type { SigningScheme } from './signing-algorithm.js';

/** RSASSA-PSS and RSASSA-PKCS1-v1_5 of RFC 8017. PSS has MGF1 of the same hash and a salt as long as the digest. */

const signOnThread = promisify(sign);

export function signRsa(key: KeyObject, scheme: SigningScheme, message: Buffer): Promise<Buffer> {
  return signOnThread(scheme.hash, message, { key, ...padding(scheme) });
}

export function verifyRsa(key: KeyObject, scheme: SigningScheme, message: Buffer, signature: Buffer): boolean {
  // RFC 8017, 8.1.2, step 1: OpenSSL takes a PSS signature whose leading zeros were cut.
  return signature.length === modulusBytes(key) && verify(scheme.hash, message, { key, ...padding(scheme) }, signature);
}

/** Node signs no digest: what it would encode is encoded here, and the bare private operation is left to it. */
export function signRsaDigest(key: KeyObject, { scheme, hash }: SigningScheme, digest: Buffer): Buffer {
  const bytes = modulusBytes(key);
  const encoded =
    scheme === 'pss' ? encodePss(hash, digest, randomBytes(digest.length), bytes) : encodePkcs1(hash, digest, bytes);
  return privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, encoded);
}

export function verifyRsaDigest(
  key: KeyObject,
  { scheme, hash }: SigningScheme,
  digest: Buffer,
  signature: Buffer,
): boolean {
  const bytes = modulusBytes(key);
  if (signature.length !== bytes) return false;
  let encoded: Buffer;
  try {
    encoded = publicDecrypt({ key, padding: constants.RSA_NO_PADDING }, signature);
  } catch {
    // A number not below the modulus.
    return false;
  }
  return scheme === 'pss' ? verifyPss(hash, digest, encoded) : encodePkcs1(hash, digest, bytes).equals(encoded);
}

const padding = ({ scheme }: SigningScheme) =>
  scheme === 'pss'
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    : { padding: constants.RSA_PKCS1_PADDING };

export const modulusBytes = (key: KeyObject): number => key.asymmetricKeyDetails!.modulusLength! / 8;
