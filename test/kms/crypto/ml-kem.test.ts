import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { generateDataKeyPair } from '../../../src/kms/crypto/data-key-pair.js';
import { importMaterial } from '../../../src/kms/crypto/import-material.js';
import { generatePair, mlKemMaterial } from '../../../src/kms/crypto/material.js';
import { decapsulate, encapsulate } from '../../../src/kms/crypto/ml-kem.js';
import { openKey, openPublicKey } from '../../../src/kms/crypto/opened-key.js';
import { flipped, hex, kmsError } from './known.js';

const SPECS = ['ML_KEM_512', 'ML_KEM_768', 'ML_KEM_1024'] as const;
const CIPHERTEXT_BYTES = { ML_KEM_512: 768, ML_KEM_768: 1088, ML_KEM_1024: 1568 };
const PUBLIC_BYTES = { ML_KEM_512: 800, ML_KEM_768: 1184, ML_KEM_1024: 1568 };

test('both sides share 32 bytes; another key and a changed ciphertext give a secret that nobody has', async () => {
  for (const spec of SPECS) {
    const pair = await generatePair(spec);
    const [key, publicKey] = [openKey(spec, pair.secret), openPublicKey(spec, pair.publicKey)];
    const { sharedSecret, ciphertext } = encapsulate(publicKey);
    expect([sharedSecret.length, ciphertext.length, publicKey.bits.length]).toEqual([
      32,
      CIPHERTEXT_BYTES[spec],
      PUBLIC_BYTES[spec],
    ]);
    expect(decapsulate(key, ciphertext).expose()).toEqual(sharedSecret.expose());
    const changed = decapsulate(key, flipped(ciphertext, 5));
    expect(changed.length).toBe(32);
    expect(changed.expose()).not.toEqual(sharedSecret.expose());
    // Implicit rejection gives the same again.
    expect(decapsulate(key, flipped(ciphertext, 5)).expose()).toEqual(changed.expose());
    const other = openKey(spec, (await generatePair(spec)).secret);
    expect(decapsulate(other, ciphertext).expose()).not.toEqual(sharedSecret.expose());
    for (const length of [ciphertext.length - 1, ciphertext.length + 1, 1]) {
      expect(() => decapsulate(key, randomBytes(length))).toThrow(kmsError('InvalidCiphertextException', ''));
    }
    key.dispose();
    expect(() => decapsulate(key, ciphertext)).toThrow('the key was disposed');
  }
});

test('keys of another kind neither encapsulate nor decapsulate', async () => {
  const { secret, publicKey } = await generatePair('ML_DSA_44');
  expect(() => encapsulate(openPublicKey('ML_DSA_44', publicKey))).toThrow(kmsError('InvalidKeyUsageException'));
  expect(() => decapsulate(openKey('ML_DSA_44', secret), Buffer.alloc(768))).toThrow(
    kmsError('InvalidKeyUsageException'),
  );
});

test('public keys are SubjectPublicKeyInfo of RFC 9935, and follow from the seed', () => {
  for (const [i, spec] of SPECS.entries()) {
    const made = mlKemMaterial(spec, Buffer.alloc(64, 7));
    const bytes = PUBLIC_BYTES[spec];
    expect(made.publicKey.length).toBe(bytes + 22);
    expect(made.publicKey.toString('hex', 4, 17)).toBe(`300b060960864801650304040${i + 1}`);
    expect(made.publicKey.readUInt16BE(2)).toBe(bytes + 18);
    expect(mlKemMaterial(spec, Buffer.alloc(64, 7)).publicKey).toEqual(made.publicKey);
  }
});

test('a data key pair has its private half as 86 bytes of PKCS#8 with the seed, which imports as a key', async () => {
  for (const [i, spec] of SPECS.entries()) {
    const { secret, publicKey } = await generateDataKeyPair(spec);
    expect(secret.length).toBe(86);
    expect(secret.expose().subarray(0, 22)).toEqual(hex(`3054020100300b060960864801650304040${i + 1}04428040`));
    const imported = await importMaterial(spec, secret);
    expect(imported.publicKey).toEqual(publicKey);
    const { sharedSecret, ciphertext } = encapsulate(openPublicKey(spec, publicKey));
    expect(decapsulate(openKey(spec, imported.secret), ciphertext).expose()).toEqual(sharedSecret.expose());
  }
});
