import { createHash } from 'node:crypto';
import * as sdk from '@aws-sdk/client-kms';
import { beforeAll, expect, test } from 'vitest';
import {
  isEcdsa,
  isMlDsa,
  isMlKem,
  isPair,
  isRsa,
  KEY_SPECS,
  type KeySpec,
  type PairSpec,
} from '../../../src/kms/crypto/key-spec.js';
import { generatePair } from '../../../src/kms/crypto/material.js';
import { type OpenedKey, type OpenedPublicKey, openKey, openPublicKey } from '../../../src/kms/crypto/opened-key.js';
import { sign, verify } from '../../../src/kms/crypto/signing.js';
import {
  type MessageType,
  SIGNING_ALGORITHMS,
  type SigningAlgorithm,
} from '../../../src/kms/crypto/signing-algorithm.js';
import { flipped, kmsError, secret } from './known.js';

const SPECS = (Object.keys(KEY_SPECS) as KeySpec[]).filter(isPair).filter((spec) => !isMlKem(spec));
const ALGORITHMS = Object.values(sdk.SigningAlgorithmSpec);
const TYPES = Object.values(sdk.MessageType) as MessageType[];
const TEXT = Buffer.from('a message of no importance');
const keys = new Map<PairSpec, { private: OpenedKey; public: OpenedPublicKey }>();

beforeAll(async () => {
  await Promise.all(
    SPECS.map(async (spec) => {
      const made = await generatePair(spec);
      keys.set(spec, { private: openKey(spec, made.secret), public: openPublicKey(spec, made.publicKey) });
      made.secret.dispose();
    }),
  );
});

const messageOf = (type: MessageType, algorithm: string): Buffer =>
  type === 'RAW' ? TEXT : Buffer.alloc(SIGNING_ALGORITHMS[algorithm as SigningAlgorithm]?.digestBytes ?? 32, 0x5a);

/** What AWS says of the three, by its documentation of SigningAlgorithm and MessageType. */
function expected(spec: PairSpec, algorithm: string, type: MessageType): 'works' | 'algorithm' | 'type' {
  const ecdsa = { ECC_NIST_P384: 'ECDSA_SHA_384', ECC_NIST_P521: 'ECDSA_SHA_512' }[spec as string] ?? 'ECDSA_SHA_256';
  if (isRsa(spec)) return !algorithm.startsWith('RSASSA_') ? 'algorithm' : type === 'EXTERNAL_MU' ? 'type' : 'works';
  if (isEcdsa(spec)) return algorithm !== ecdsa ? 'algorithm' : type === 'EXTERNAL_MU' ? 'type' : 'works';
  if (isMlDsa(spec)) return algorithm !== 'ML_DSA_SHAKE_256' ? 'algorithm' : type === 'DIGEST' ? 'type' : 'works';
  if (algorithm === 'ED25519_SHA_512') return type === 'RAW' ? 'works' : 'type';
  if (algorithm === 'ED25519_PH_SHA_512') return type === 'DIGEST' ? 'works' : 'type';
  return 'algorithm';
}

test('every spec, algorithm and message type works both ways or is refused both ways', async () => {
  const seen = { works: 0, algorithm: 0, type: 0 };
  for (const spec of SPECS) {
    const key = keys.get(spec)!;
    for (const algorithm of ALGORITHMS) {
      for (const type of TYPES) {
        const at = `${spec} ${algorithm} ${type}`;
        const message = messageOf(type, algorithm);
        const outcome = expected(spec, algorithm, type);
        seen[outcome]++;
        if (outcome === 'works') {
          const signature = await sign(key.private, algorithm, type, message);
          expect(verify(key.public, algorithm, type, message, signature), at).toBe(true);
          continue;
        }
        const error =
          outcome === 'algorithm'
            ? kmsError('InvalidKeyUsageException', `Algorithm ${algorithm} is incompatible with key spec ${spec}.`)
            : kmsError('ValidationException');
        await expect(sign(key.private, algorithm, type, message), at).rejects.toThrow(error);
        expect(() => verify(key.public, algorithm, type, message, Buffer.alloc(64)), at).toThrow(error);
      }
    }
  }
  expect(seen).toEqual({ works: 52, algorithm: 348, type: 29 });
});

test('no signature stands for another message, key or bit, nor cut or lengthened', async () => {
  let refused = 0;
  for (const spec of SPECS) {
    const key = keys.get(spec)!;
    const other = keys.get(spec === 'ECC_NIST_P256' ? 'ECC_SECG_P256K1' : 'ECC_NIST_P256')!;
    for (const algorithm of ALGORITHMS) {
      for (const type of TYPES) {
        if (expected(spec, algorithm, type) !== 'works') continue;
        const message = messageOf(type, algorithm);
        const signature = await sign(key.private, algorithm, type, message);
        const bad = [
          ...Array.from({ length: 8 }, (_, i) => flipped(signature, i + 1)),
          signature.subarray(1),
          signature.subarray(0, -1),
          Buffer.concat([signature, Buffer.of(0)]),
          Buffer.alloc(signature.length),
          Buffer.alloc(signature.length, 0xff),
          Buffer.alloc(0),
          Buffer.from('3006020100020100', 'hex'),
          Buffer.from('3006020101020101', 'hex'),
        ];
        for (const one of bad) {
          expect(verify(key.public, algorithm, type, message, one), `${spec} ${algorithm} ${type}`).toBe(false);
          refused++;
        }
        expect(verify(key.public, algorithm, type, flipped(message, 3), signature)).toBe(false);
        if (isEcdsa(spec) && expected(other.public.spec, algorithm, type) === 'works') {
          expect(verify(other.public, algorithm, type, message, signature)).toBe(false);
        }
      }
    }
  }
  expect(refused).toBe(52 * 16);
});

test('what was signed RAW verifies as its DIGEST, and the other way round', async () => {
  let crossed = 0;
  for (const spec of SPECS.filter((one) => isRsa(one) || isEcdsa(one))) {
    const key = keys.get(spec)!;
    for (const algorithm of ALGORITHMS) {
      if (expected(spec, algorithm, 'DIGEST') !== 'works') continue;
      const digest = createHash(SIGNING_ALGORITHMS[algorithm as SigningAlgorithm].hash)
        .update(TEXT)
        .digest();
      for (let i = 0; i < 3; i++) {
        const raw = await sign(key.private, algorithm, 'RAW', TEXT);
        const digested = await sign(key.private, algorithm, 'DIGEST', digest);
        expect(verify(key.public, algorithm, 'DIGEST', digest, raw), `${spec} ${algorithm}`).toBe(true);
        expect(verify(key.public, algorithm, 'RAW', TEXT, digested), `${spec} ${algorithm}`).toBe(true);
        if (algorithm.startsWith('RSASSA_PKCS1')) expect(digested).toEqual(raw);
        // Hashed once when it was signed and twice now.
        expect(verify(key.public, algorithm, 'RAW', digest, raw)).toBe(false);
        crossed++;
      }
    }
  }
  expect(crossed).toBe((3 * 6 + 4) * 3);
});

test('an ML-DSA signature over the message and over its mu are one', async () => {
  for (const spec of ['ML_DSA_44', 'ML_DSA_65', 'ML_DSA_87'] as const) {
    const key = keys.get(spec)!;
    const shake = (...parts: Buffer[]) =>
      createHash('shake256', { outputLength: 64 }).update(Buffer.concat(parts)).digest();
    // FIPS 204, algorithms 2 and 7: an empty context has two bytes in front of the message.
    const mu = shake(shake(key.public.bits), Buffer.of(0, 0), TEXT);
    const raw = await sign(key.private, 'ML_DSA_SHAKE_256', 'RAW', TEXT);
    const external = await sign(key.private, 'ML_DSA_SHAKE_256', 'EXTERNAL_MU', mu);
    expect(verify(key.public, 'ML_DSA_SHAKE_256', 'EXTERNAL_MU', mu, raw)).toBe(true);
    expect(verify(key.public, 'ML_DSA_SHAKE_256', 'RAW', TEXT, external)).toBe(true);
    expect(raw.length).toBe({ ML_DSA_44: 2420, ML_DSA_65: 3309, ML_DSA_87: 4627 }[spec]);
    expect(key.public.bits.length).toBe({ ML_DSA_44: 1312, ML_DSA_65: 1952, ML_DSA_87: 2592 }[spec]);
  }
});

test('a digest of another length is refused in the words of AWS', async () => {
  let tried = 0;
  for (const spec of SPECS) {
    const key = keys.get(spec)!;
    for (const algorithm of ALGORITHMS) {
      for (const type of TYPES) {
        if (type === 'RAW' || expected(spec, algorithm, type) !== 'works') continue;
        const { digestBytes } = SIGNING_ALGORITHMS[algorithm as SigningAlgorithm];
        for (const length of [0, 20, digestBytes - 1, digestBytes + 1, 4096]) {
          const error = kmsError('ValidationException', `Digest is invalid length for algorithm ${algorithm}.`);
          await expect(sign(key.private, algorithm, type, Buffer.alloc(length))).rejects.toThrow(error);
          expect(() => verify(key.public, algorithm, type, Buffer.alloc(length), Buffer.alloc(64))).toThrow(error);
          tried++;
        }
      }
    }
  }
  expect(tried).toBe((18 + 4 + 1 + 3) * 5);
});

test('a RAW message has 0 to 4,096 bytes', async () => {
  const key = keys.get('ECC_NIST_P256')!;
  for (const length of [0, 4096]) {
    const message = Buffer.alloc(length, 1);
    const signature = await sign(key.private, 'ECDSA_SHA_256', 'RAW', message);
    expect(verify(key.public, 'ECDSA_SHA_256', 'RAW', message, signature)).toBe(true);
  }
  const error = kmsError(
    'ValidationException',
    "1 validation error detected: Value at 'message' failed to satisfy constraint: Member must have length less than or equal to 4096",
  );
  await expect(sign(key.private, 'ECDSA_SHA_256', 'RAW', Buffer.alloc(4097))).rejects.toThrow(error);
  expect(() => verify(key.public, 'ECDSA_SHA_256', 'RAW', Buffer.alloc(4097), Buffer.alloc(70))).toThrow(error);
});

test('the message type that AWS refuses with ML-DSA is named with the key spec', async () => {
  const key = keys.get('ML_DSA_44')!;
  await expect(sign(key.private, 'ML_DSA_SHAKE_256', 'DIGEST', Buffer.alloc(64))).rejects.toThrow(
    kmsError('ValidationException', 'Message type DIGEST is incompatible with key spec ML_DSA_44.'),
  );
});

test('a disposed key signs nothing more, and an HMAC key never does', async () => {
  for (const spec of ['ECC_NIST_P256', 'ML_DSA_44', 'ECC_NIST_EDWARDS25519'] as const) {
    const made = await generatePair(spec);
    const key = openKey(spec, made.secret);
    const algorithm = KEY_SPECS[spec].SIGN_VERIFY!.SigningAlgorithms![0]!;
    await sign(key, algorithm, 'RAW', TEXT);
    const { raw } = key;
    key.dispose();
    expect(raw.expose().every((byte) => byte === 0)).toBe(true);
    await expect(sign(key, algorithm, 'RAW', TEXT)).rejects.toThrow('the key was disposed');
  }
  const hmac = openKey('HMAC_256', secret(Buffer.alloc(32, 1)));
  await expect(sign(hmac, 'ECDSA_SHA_256', 'RAW', TEXT)).rejects.toThrow(kmsError('InvalidKeyUsageException'));
});
