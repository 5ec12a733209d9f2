import { utf8 } from '../base/bytes.js';
import { hkdfExpandSha512 } from '../base/hkdf.js';

/**
 * Key schedule and arithmetic of https://c2sp.org/chunked-encryption in the instantiation Cobblestone-256: HKDF-Expand-SHA-512 and
 * AES-256-GCM. FORMAT.md, "Body".
 */
export const SALT_BYTES = 24;
export const COMMITMENT_BYTES = 32;
export const HEADER_BYTES = SALT_BYTES + COMMITMENT_BYTES;
export const TAG_BYTES = 16;
/** 2^38 chunks: the counter's share of the nonce. */
export const CHUNKS_MAX = 2 ** 38;

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const LABEL = utf8('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0');

export interface MessageKeys {
  key: Buffer;
  baseNonce: Buffer;
  commitment: Buffer;
}

/** `inputKey`: 32 bytes; `salt`: 24 bytes. */
export function deriveMessageKeys(inputKey: Buffer, salt: Uint8Array, context: Uint8Array): MessageKeys {
  if (inputKey.length !== KEY_BYTES) throw new RangeError(`input key of ${inputKey.length} bytes, it has ${KEY_BYTES}`);
  const okm = hkdfExpandSha512(
    inputKey,
    Buffer.concat([LABEL, salt, context]),
    KEY_BYTES + NONCE_BYTES + COMMITMENT_BYTES,
  );
  return {
    key: okm.subarray(0, KEY_BYTES),
    baseNonce: okm.subarray(KEY_BYTES, KEY_BYTES + NONCE_BYTES),
    commitment: okm.subarray(KEY_BYTES + NONCE_BYTES),
  };
}

/** The base nonce with the chunk's number XORed into its last 5 bytes, written into `nonce`. */
export function writeNonce(nonce: Buffer, baseNonce: Buffer, chunk: number): void {
  baseNonce.copy(nonce);
  nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ (chunk >>> 0)) >>> 0, 8);
  nonce[7]! ^= Math.floor(chunk / 0x1_0000_0000);
}

/** Length of a message in bytes; the last chunk is always shorter than the others and may be empty. */
export function ciphertextLength(plaintextLength: number, chunkBytes: number): number {
  return HEADER_BYTES + plaintextLength + (Math.floor(plaintextLength / chunkBytes) + 1) * TAG_BYTES;
}
