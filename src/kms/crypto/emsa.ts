import { createHash } from 'node:crypto';

/** Encodings of RFC 8017, section 9, for moduli of a multiple of 8 bits, which all key specs have. `hash`: as node:crypto names it. */

/** The DER of DigestInfo up to the digest: section 9.2, note 1. */
const DIGEST_INFO: Readonly<Record<string, Buffer>> = {
  sha256: Buffer.from('3031300d060960864801650304020105000420', 'hex'),
  sha384: Buffer.from('3041300d060960864801650304020205000430', 'hex'),
  sha512: Buffer.from('3051300d060960864801650304020305000440', 'hex'),
};

/** EMSA-PKCS1-v1_5: 00 01 ‖ FF… ‖ 00 ‖ DigestInfo. */
export function encodePkcs1(hash: string, digest: Buffer, modulusBytes: number): Buffer {
  const out = Buffer.alloc(modulusBytes, 0xff);
  const info = DIGEST_INFO[hash]!;
  out[0] = 0;
  out[1] = 1;
  out[modulusBytes - digest.length - info.length - 1] = 0;
  info.copy(out, modulusBytes - digest.length - info.length);
  digest.copy(out, modulusBytes - digest.length);
  return out;
}

/** EMSA-PSS with MGF1 of the same hash: masked (00… ‖ 01 ‖ salt) ‖ H(00 × 8 ‖ digest ‖ salt) ‖ BC. */
export function encodePss(hash: string, digest: Buffer, salt: Buffer, modulusBytes: number): Buffer {
  const out = Buffer.alloc(modulusBytes);
  const hashAt = modulusBytes - digest.length - 1;
  const block = out.subarray(0, hashAt);
  saltedHash(hash, digest, salt).copy(out, hashAt);
  out[modulusBytes - 1] = 0xbc;
  block[hashAt - salt.length - 1] = 1;
  salt.copy(block, hashAt - salt.length);
  mask(hash, out.subarray(hashAt, modulusBytes - 1), block);
  return out;
}

/** EMSA-PSS-VERIFY for a salt as long as the digest, and no other. `encoded`: modulusBytes long; it is unmasked in place. */
export function verifyPss(hash: string, digest: Buffer, encoded: Buffer): boolean {
  const hashAt = encoded.length - digest.length - 1;
  const saltAt = hashAt - digest.length;
  if (saltAt < 1 || encoded[encoded.length - 1] !== 0xbc || encoded[0]! >= 0x80) return false;
  const block = encoded.subarray(0, hashAt);
  const salted = encoded.subarray(hashAt, encoded.length - 1);
  mask(hash, salted, block);
  for (let i = 0; i < saltAt; i++) if (block[i] !== (i === saltAt - 1 ? 1 : 0)) return false;
  return saltedHash(hash, digest, block.subarray(saltAt)).equals(salted);
}

const EIGHT_ZEROS = Buffer.alloc(8);

const saltedHash = (hash: string, digest: Buffer, salt: Buffer): Buffer =>
  createHash(hash).update(EIGHT_ZEROS).update(digest).update(salt).digest();

/** Xors MGF1 of the seed (RFC 8017, B.2.1) over the block, and clears its first bit: the number must stay below the modulus. */
function mask(hash: string, seed: Buffer, block: Buffer): void {
  const counter = Buffer.alloc(4);
  for (let at = 0, round = 0; at < block.length; round++) {
    counter.writeUInt32BE(round);
    for (const byte of createHash(hash).update(seed).update(counter).digest()) {
      if (at === block.length) break;
      block[at++]! ^= byte;
    }
  }
  block[0]! &= 0x7f;
}
