import { type KeyObject, sign, verify } from 'node:crypto';
import { ed25519ph } from '@noble/curves/ed25519.js';
import type { Secret } from '../../base/secret.js';

const SIGNATURE_BYTES = 64;

/** Ed25519 of RFC 8032, section 5.1. */
export const signEd25519 = (key: KeyObject, message: Buffer): Buffer => sign(null, message, key);

export const verifyEd25519 = (key: KeyObject, message: Buffer, signature: Buffer): boolean =>
  verify(null, message, key, signature);

/**
 * Ed25519ph of RFC 8032 with an empty context: hashes the message with SHA-512 itself. Node has none. `seed`: 32 bytes. The message
 * that the API calls a DIGEST is hashed again, as AWS documents (API_Sign, MessageType).
 */
export const signEd25519ph = (seed: Secret, message: Buffer): Buffer =>
  Buffer.from(ed25519ph.sign(message, seed.expose()));

export function verifyEd25519ph(publicKey: Buffer, message: Buffer, signature: Buffer): boolean {
  if (signature.length !== SIGNATURE_BYTES) return false;
  try {
    // zip215 would accept encodings that RFC 8032 refuses.
    return ed25519ph.verify(signature, message, publicKey, { zip215: false });
  } catch {
    return false;
  }
}
