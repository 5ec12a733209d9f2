import { constants, createHash, privateEncrypt } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { encodePkcs1, encodePss, verifyPss } from '../../../src/kms/crypto/emsa.js';
import { generatePair } from '../../../src/kms/crypto/material.js';
import { type OpenedKey, type OpenedPublicKey, openKey, openPublicKey } from '../../../src/kms/crypto/opened-key.js';
import { sign, verify } from '../../../src/kms/crypto/signing.js';
import { hex } from './known.js';

const TEXT = Buffer.from('sample');
const DIGEST = createHash('sha256').update(TEXT).digest();
const SALT = Buffer.alloc(32, 7);
const BYTES = 256;
const HASH_AT = BYTES - 33;

let rsa: { private: OpenedKey; public: OpenedPublicKey };
beforeAll(async () => {
  const made = await generatePair('RSA_2048');
  rsa = { private: openKey('RSA_2048', made.secret), public: openPublicKey('RSA_2048', made.publicKey) };
});

/** A signature over what no honest signer encodes. */
const signatureOf = (encoded: Buffer): Buffer =>
  privateEncrypt({ key: rsa.private.keyObject, padding: constants.RSA_NO_PADDING }, encoded);
const bothWays = (algorithm: string, signature: Buffer): boolean[] => [
  verify(rsa.public, algorithm, 'RAW', TEXT, signature),
  verify(rsa.public, algorithm, 'DIGEST', DIGEST, signature),
];
const changed = (encoded: Buffer, at: number, xor: number): Buffer => {
  const out = Buffer.from(encoded);
  out[at]! ^= xor;
  return out;
};

test('a PSS encoding is refused for every byte of padding, separator, trailer and top bit, as OpenSSL refuses it', () => {
  const good = encodePss('sha256', DIGEST, SALT, BYTES);
  expect(bothWays('RSASSA_PSS_SHA_256', signatureOf(good))).toEqual([true, true]);
  // The mask is xored over the block: what is changed here is changed behind it.
  const paddingAt = [0, 1, 2, 100, HASH_AT - 34, HASH_AT - 33];
  for (const at of [...paddingAt, BYTES - 1]) {
    expect(bothWays('RSASSA_PSS_SHA_256', signatureOf(changed(good, at, 0x02))), `byte ${at}`).toEqual([false, false]);
  }
  expect(bothWays('RSASSA_PSS_SHA_256', signatureOf(encodePss('sha256', DIGEST, SALT.subarray(1), BYTES)))).toEqual([
    false,
    false,
  ]);
  expect(verifyPss('sha256', DIGEST, Buffer.from(good))).toBe(true);
  // Numbers with the top bit are not below most moduli: only the decoder can be asked.
  expect(verifyPss('sha256', DIGEST, changed(good, 0, 0x80))).toBe(false);
  expect(paddingAt).toHaveLength(6);
});

test('a PKCS #1 encoding is refused for every byte of padding, and whatever stands behind a short one', () => {
  const good = encodePkcs1('sha256', DIGEST, BYTES);
  expect(bothWays('RSASSA_PKCS1_V1_5_SHA_256', signatureOf(good))).toEqual([true, true]);
  const info = hex('3031300d060960864801650304020105000420');
  const withoutNull = hex('302f300b06096086480165030402010420');
  const padded = (...behind: Buffer[]) => {
    const tail = Buffer.concat([Buffer.of(0), ...behind]);
    return Buffer.concat([Buffer.of(0, 1), Buffer.alloc(BYTES - 2 - tail.length, 0xff), tail]);
  };
  expect(padded(info, DIGEST)).toEqual(good);
  // Bleichenbacher's forgery of 2006: eight bytes of padding, and what makes it a cube behind the digest.
  const short = Buffer.concat([Buffer.of(0, 1), Buffer.alloc(8, 0xff), Buffer.of(0), info, DIGEST]);
  const bad = [
    Buffer.concat([short, Buffer.alloc(BYTES - short.length, 0x11)]),
    padded(DIGEST),
    padded(hex('3041300d060960864801650304020205000430'), DIGEST),
    changed(good, 1, 3),
    changed(good, 2, 1),
    changed(good, BYTES - 53, 1),
    changed(good, BYTES - 52, 1),
  ];
  for (const encoded of bad) {
    expect(bothWays('RSASSA_PKCS1_V1_5_SHA_256', signatureOf(encoded))).toEqual([false, false]);
  }
  expect(bad).toHaveLength(7);
  // RFC 8017 lets a verifier take parameters left out; to encode and compare takes one encoding.
  expect(bothWays('RSASSA_PKCS1_V1_5_SHA_256', signatureOf(padded(withoutNull, DIGEST)))).toEqual([false, false]);
});

test('a signature without its leading zero is none', async () => {
  let signature: Buffer;
  do signature = await sign(rsa.private, 'RSASSA_PSS_SHA_256', 'DIGEST', DIGEST);
  while (signature[0] !== 0);
  expect(bothWays('RSASSA_PSS_SHA_256', signature)).toEqual([true, true]);
  expect(bothWays('RSASSA_PSS_SHA_256', signature.subarray(1))).toEqual([false, false]);
});
