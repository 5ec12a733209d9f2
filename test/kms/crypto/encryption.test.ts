import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { generateDataKeyPair } from '../../../src/kms/crypto/data-key-pair.js';
import { deriveSharedSecret } from '../../../src/kms/crypto/ecdh.js';
import { CURVES } from '../../../src/kms/crypto/ecdsa.js';
import { importMaterial } from '../../../src/kms/crypto/import-material.js';
import { generateMaterial, generatePair } from '../../../src/kms/crypto/material.js';
import { type OpenedKey, type OpenedPublicKey, openKey, openPublicKey } from '../../../src/kms/crypto/opened-key.js';
import { decryptRsa, encryptRsa } from '../../../src/kms/crypto/rsa-encryption.js';
import { flipped, kmsError, spkiOf } from './known.js';

let rsa: { private: OpenedKey; public: OpenedPublicKey };
beforeAll(async () => {
  const made = await generatePair('RSA_2048');
  rsa = { private: openKey('RSA_2048', made.secret), public: openPublicKey('RSA_2048', made.publicKey) };
});

const LIMITS = [
  ['RSA_2048', 'RSAES_OAEP_SHA_1', 214],
  ['RSA_2048', 'RSAES_OAEP_SHA_256', 190],
  ['RSA_3072', 'RSAES_OAEP_SHA_1', 342],
  ['RSA_3072', 'RSAES_OAEP_SHA_256', 318],
  ['RSA_4096', 'RSAES_OAEP_SHA_1', 470],
  ['RSA_4096', 'RSAES_OAEP_SHA_256', 446],
] as const;

test('RSA encrypts as much as AWS says and refuses a byte more in its words', () => {
  for (const [spec, algorithm, most] of LIMITS) {
    // A modulus of any odd number will do: the limit is checked before it is used.
    const key = spec === 'RSA_2048' ? rsa.public : openPublicKey(spec, fakePublicKey(Number(spec.slice(4))));
    expect(encryptRsa(key, algorithm, Buffer.alloc(most, 1)).length).toBe(Number(spec.slice(4)) / 8);
    expect(() => encryptRsa(key, algorithm, Buffer.alloc(most + 1))).toThrow(
      kmsError(
        'ValidationException',
        `Algorithm ${algorithm} and key spec ${spec} cannot encrypt data larger than ${most} bytes.`,
      ),
    );
  }
  expect(LIMITS).toHaveLength(6);
});

function fakePublicKey(bits: number): Buffer {
  const n = Buffer.alloc(bits / 8, 0xd3);
  const key = { kty: 'RSA', n: n.toString('base64url'), e: 'AQAB' };
  return createPublicKey({ key, format: 'jwk' }).export({ format: 'der', type: 'spki' });
}

test('what RSA encrypted opens again, of every length', () => {
  let opened = 0;
  for (const algorithm of ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256']) {
    for (const length of [1, 32, 190]) {
      const plaintext = Buffer.alloc(length, length);
      const ciphertext = encryptRsa(rsa.public, algorithm, plaintext);
      expect(encryptRsa(rsa.public, algorithm, plaintext)).not.toEqual(ciphertext);
      expect(decryptRsa(rsa.private, algorithm, ciphertext).expose()).toEqual(plaintext);
      opened++;
    }
  }
  expect(opened).toBe(6);
});

test('every ciphertext that does not open gives one answer', () => {
  const ciphertext = encryptRsa(rsa.public, 'RSAES_OAEP_SHA_256', Buffer.from('secret'));
  const bad = [
    ...Array.from({ length: 40 }, (_, i) => flipped(ciphertext, i)),
    Buffer.alloc(0),
    ciphertext.subarray(1),
    ciphertext.subarray(0, -1),
    Buffer.concat([Buffer.of(0), ciphertext]),
    Buffer.alloc(256),
    Buffer.alloc(256, 0xff),
    Buffer.alloc(6144, 1),
  ];
  for (const one of bad) {
    expect(() => decryptRsa(rsa.private, 'RSAES_OAEP_SHA_256', one)).toThrow(
      kmsError('InvalidCiphertextException', ''),
    );
  }
  expect(bad).toHaveLength(47);
});

test('a ciphertext without its leading zero is another one: OpenSSL alone would open it', () => {
  let ciphertext: Buffer;
  do ciphertext = encryptRsa(rsa.public, 'RSAES_OAEP_SHA_256', Buffer.from('secret'));
  while (ciphertext[0] !== 0);
  expect(decryptRsa(rsa.private, 'RSAES_OAEP_SHA_256', ciphertext).expose()).toEqual(Buffer.from('secret'));
  expect(() => decryptRsa(rsa.private, 'RSAES_OAEP_SHA_256', ciphertext.subarray(1))).toThrow(
    kmsError('InvalidCiphertextException', ''),
  );
});

test('an algorithm that is none of the key spec is refused', async () => {
  const ecc = await generatePair('ECC_NIST_P256');
  for (const algorithm of ['SYMMETRIC_DEFAULT', 'SM2PKE', 'RSASSA_PSS_SHA_256', 'toString']) {
    const error = kmsError(
      'InvalidKeyUsageException',
      `Algorithm ${algorithm} is incompatible with key spec RSA_2048.`,
    );
    expect(() => encryptRsa(rsa.public, algorithm, Buffer.of(1))).toThrow(error);
    expect(() => decryptRsa(rsa.private, algorithm, Buffer.alloc(256))).toThrow(error);
  }
  const error = kmsError(
    'InvalidKeyUsageException',
    'Algorithm RSAES_OAEP_SHA_1 is incompatible with key spec ECC_NIST_P256.',
  );
  expect(() => encryptRsa(openPublicKey('ECC_NIST_P256', ecc.publicKey), 'RSAES_OAEP_SHA_1', Buffer.of(1))).toThrow(
    error,
  );
  expect(() => decryptRsa(openKey('ECC_NIST_P256', ecc.secret), 'RSAES_OAEP_SHA_1', Buffer.of(1))).toThrow(error);
});

const NIST = ['ECC_NIST_P256', 'ECC_NIST_P384', 'ECC_NIST_P521'] as const;

test('two keys of a curve derive one secret, as long as its field', async () => {
  for (const spec of NIST) {
    const [a, b] = [await generatePair(spec), await generatePair(spec)];
    const shared = deriveSharedSecret(openKey(spec, a.secret), b.publicKey);
    expect(deriveSharedSecret(openKey(spec, b.secret), a.publicKey).expose()).toEqual(shared.expose());
    expect(shared.length).toBe({ ECC_NIST_P256: 32, ECC_NIST_P384: 48, ECC_NIST_P521: 66 }[spec]);
  }
});

test('a peer key of another curve, off the curve or broken is refused', async () => {
  let refused = 0;
  for (const spec of NIST) {
    const key = openKey(spec, (await generatePair(spec)).secret);
    const { spkiPrefix, noble } = CURVES[spec];
    const good = spkiOf(spec, Buffer.alloc(noble.lengths.secretKey! - 2, 5));
    const pointBytes = good.length - spkiPrefix.length;
    const compressed = Buffer.from(good.subarray(spkiPrefix.length, spkiPrefix.length + (pointBytes + 1) / 2));
    compressed[0] = 2;
    const others = (['ECC_NIST_P256', 'ECC_NIST_P384', 'ECC_NIST_P521', 'ECC_SECG_P256K1'] as const)
      .filter((one) => one !== spec)
      .map((one) => spkiOf(one, Buffer.alloc(32, 5)));
    const bad = [
      ...others,
      generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' }),
      generateKeyPairSync('x25519').publicKey.export({ format: 'der', type: 'spki' }),
      rsa.public.keyObject.export({ format: 'der', type: 'spki' }),
      // Off the curve: invalid-curve attacks learn the private key from what comes back.
      Buffer.concat([good.subarray(0, -1), Buffer.of(good.at(-1)! ^ 1)]),
      Buffer.concat([spkiPrefix, Buffer.of(4), Buffer.alloc(pointBytes - 1)]),
      Buffer.concat([spkiPrefix, Buffer.of(4), Buffer.alloc(pointBytes - 1, 0xff)]),
      Buffer.concat([spkiPrefix, compressed]),
      good.subarray(spkiPrefix.length),
      good.subarray(0, -1),
      Buffer.concat([good, Buffer.of(0)]),
      Buffer.alloc(0),
      Buffer.from('invalid'),
    ];
    for (const peer of bad) {
      expect(() => deriveSharedSecret(key, peer)).toThrow(kmsError('ValidationException', ''));
      refused++;
    }
    expect(deriveSharedSecret(key, good).length).toBe(noble.Point.Fp.BYTES);
  }
  expect(refused).toBe(3 * 15);
});

test('a key that is for no agreement is refused', async () => {
  const { secret, publicKey } = await generatePair('ECC_SECG_P256K1');
  expect(() => deriveSharedSecret(openKey('ECC_SECG_P256K1', secret), publicKey)).toThrow(
    kmsError('InvalidKeyUsageException', 'Algorithm ECDH is incompatible with key spec ECC_SECG_P256K1.'),
  );
});

test('a data key pair is PKCS#8 and SubjectPublicKeyInfo of its spec', async () => {
  const specs = [
    'ECC_NIST_P256',
    'ECC_NIST_P384',
    'ECC_NIST_P521',
    'ECC_SECG_P256K1',
    'ECC_NIST_EDWARDS25519',
  ] as const;
  for (const spec of specs) {
    const pair = await generateDataKeyPair(spec);
    // Import checks type, curve and that the halves belong together.
    expect((await importMaterial(spec, pair.secret)).publicKey).toEqual(pair.publicKey);
  }
  for (const spec of ['SM2', 'ML_DSA_44', 'HMAC_256']) {
    await expect(generateDataKeyPair(spec)).rejects.toThrow(kmsError('UnsupportedOperationException'));
  }
});

test('keys without a public half have the length of their spec', async () => {
  const lengths = { SYMMETRIC_DEFAULT: 32, HMAC_224: 28, HMAC_256: 32, HMAC_384: 48, HMAC_512: 64 } as const;
  for (const [spec, length] of Object.entries(lengths)) {
    const made = await generateMaterial(spec as keyof typeof lengths);
    expect([made.secret.length, made.publicKey]).toEqual([length, undefined]);
    const again = await generateMaterial(spec as keyof typeof lengths);
    expect(again.secret.expose()).not.toEqual(made.secret.expose());
  }
});
