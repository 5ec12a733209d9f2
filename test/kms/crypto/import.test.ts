import {
  createCipheriv,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  generatePrimeSync,
  constants as nodeConstants,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js';
import { ml_kem512 } from '@noble/post-quantum/ml-kem.js';
import { beforeAll, expect, test } from 'vitest';
import { CURVES } from '../../../src/kms/crypto/ecdsa.js';
import { importMaterial } from '../../../src/kms/crypto/import-material.js';
import {
  newWrappingKey,
  requireWrappingAlgorithm,
  unwrapImported,
  unwrapPadded,
} from '../../../src/kms/crypto/import-wrapping.js';
import { isPair, KEY_SPECS, type KeySpec } from '../../../src/kms/crypto/key-spec.js';
import { generateMaterial, generatePair, type KeyMaterial } from '../../../src/kms/crypto/material.js';
import { openKey, openPublicKey } from '../../../src/kms/crypto/opened-key.js';
import { sign, verify } from '../../../src/kms/crypto/signing.js';
import { flipped, hex, kmsError, secret, tlv, unsignedInteger } from './known.js';

const SPECS = Object.keys(KEY_SPECS) as KeySpec[];
const RAW_BYTES: Partial<Record<KeySpec, number>> = {
  SYMMETRIC_DEFAULT: 32,
  HMAC_224: 28,
  HMAC_256: 32,
  HMAC_384: 48,
  HMAC_512: 64,
};
const INCORRECT = kmsError('IncorrectKeyMaterialException');
const INVALID = kmsError('InvalidCiphertextException', '');
const materials = new Map<KeySpec, KeyMaterial>();
let wrapping: Required<KeyMaterial>;

beforeAll(async () => {
  for (const spec of SPECS)
    if (spec !== 'RSA_4096' && spec !== 'RSA_3072') materials.set(spec, await generateMaterial(spec));
  wrapping = await newWrappingKey('RSA_2048');
});

const refused = async (spec: KeySpec, bytes: Buffer, what = ''): Promise<void> => {
  await expect(importMaterial(spec, secret(bytes)), `${spec} ${what}`).rejects.toThrow(INCORRECT);
};
const integer = (value: bigint): Buffer => {
  const digits = value.toString(16);
  return tlv(0x02, unsignedInteger(hex(digits.length % 2 ? `0${digits}` : digits)));
};
const sequence = (...parts: Buffer[]): Buffer => tlv(0x30, Buffer.concat(parts));
const RSA_ID = hex('300d06092a864886f70d0101010500');
const pkcs8 = (algorithm: Buffer, key: Buffer): Buffer => sequence(integer(0n), algorithm, tlv(0x04, key));
/** What an importer of ML-DSA keys is asked to send: RFC 9881, section 6. */
const mlDsaPkcs8 = (oidEnd: number, key: Buffer): Buffer =>
  pkcs8(hex(`300b06096086480165030403${oidEnd.toString(16)}`), key);

test('what a spec makes it also imports, with the same public key', async () => {
  let imported = 0;
  for (const [spec, made] of materials) {
    if (spec.startsWith('ML_')) continue;
    const again = await importMaterial(spec, made.secret);
    expect(again.secret.expose()).toEqual(made.secret.expose());
    expect(again.secret.expose()).not.toBe(made.secret.expose());
    expect(again.publicKey).toEqual(made.publicKey);
    imported++;
  }
  expect(imported).toBe(11);
});

test('no spec imports what another one made', async () => {
  let tried = 0;
  for (const [from, made] of materials) {
    for (const spec of SPECS) {
      // Any bytes of the right number are a key without a public half.
      if (spec === from || RAW_BYTES[spec] === made.secret.length) continue;
      await refused(spec, made.secret.expose(), `from ${from}`);
      tried++;
    }
  }
  expect(tried).toBe(17 * 18 - 12);
});

test('bytes of another length or shape are refused, and say nothing of themselves', async () => {
  for (const [spec, made] of materials) {
    const bytes = made.secret.expose();
    await refused(spec, Buffer.alloc(0));
    await refused(spec, bytes.subarray(1));
    await refused(spec, bytes.subarray(0, -1));
    await refused(spec, Buffer.concat([bytes, Buffer.of(0)]));
    if (!isPair(spec) || spec.startsWith('ML_')) continue;
    await refused(spec, Buffer.from(bytes.toString('base64')), 'base64');
    const pem = createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' }).export({ format: 'pem', type: 'pkcs8' });
    await refused(spec, Buffer.from(pem), 'PEM');
    await refused(spec, made.publicKey!, 'public key');
    const error = await importMaterial(spec, secret(bytes.subarray(1))).catch((one) => one);
    expect(error.cause).toBeUndefined();
  }
});

test('an encrypted PKCS#8 and PKCS#1 are refused', async () => {
  const key = createPrivateKey({ key: materials.get('RSA_2048')!.secret.expose(), format: 'der', type: 'pkcs8' });
  await refused('RSA_2048', key.export({ format: 'der', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' }));
  await refused('RSA_2048', key.export({ format: 'der', type: 'pkcs1' }));
  const ec = createPrivateKey({ key: materials.get('ECC_NIST_P256')!.secret.expose(), format: 'der', type: 'pkcs8' });
  await refused('ECC_NIST_P256', ec.export({ format: 'der', type: 'sec1' }));
});

test('an EC key whose public half is another one is refused, and one without it is completed', async () => {
  for (const spec of ['ECC_NIST_P256', 'ECC_NIST_P384', 'ECC_NIST_P521', 'ECC_SECG_P256K1'] as const) {
    const { noble, spkiPrefix } = CURVES[spec];
    // SEQUENCE { AlgorithmIdentifier, … } starts behind the head of the prefix, which is two or three bytes long.
    const head = spkiPrefix[1]! >= 0x80 ? 3 : 2;
    const algorithm = spkiPrefix.subarray(head, head + 2 + spkiPrefix[head + 1]!);
    const scalar = Buffer.alloc(noble.lengths.secretKey!, 1);
    scalar[0] = 0;
    const point = (of: Buffer) => Buffer.from(noble.getPublicKey(of, false));
    const key = (d: Buffer, ...more: Buffer[]) => pkcs8(algorithm, sequence(integer(1n), tlv(0x04, d), ...more));
    const publicPart = (of: Buffer) => tlv(0xa1, tlv(0x03, Buffer.concat([Buffer.of(0), point(of)])));
    const expected = Buffer.concat([spkiPrefix, point(scalar)]);
    expect((await importMaterial(spec, secret(key(scalar)))).publicKey).toEqual(expected);
    const whole = await importMaterial(spec, secret(key(scalar, publicPart(scalar))));
    expect(whole.publicKey).toEqual(expected);
    const other = Buffer.from(scalar);
    other[5] = 9;
    await refused(spec, key(scalar, publicPart(other)), 'other public key');
    await refused(spec, key(Buffer.alloc(scalar.length)), 'scalar 0');
    const order = hex(noble.Point.Fn.ORDER.toString(16).padStart(scalar.length * 2, '0'));
    await refused(spec, key(order), 'scalar = order');
    await refused(spec, key(Buffer.alloc(scalar.length, 0xff)), 'scalar over the order');
  }
});

test('an RSA key whose numbers do not fit is refused', async () => {
  const jwk = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
  const number = (name: keyof typeof jwk): bigint =>
    BigInt(`0x${Buffer.from(jwk[name] as string, 'base64url').toString('hex')}`);
  const good = {
    n: number('n'),
    e: number('e'),
    d: number('d'),
    p: number('p'),
    q: number('q'),
    dp: number('dp'),
    dq: number('dq'),
    qi: number('qi'),
  };
  const encode = (version: bigint, { n, e, d, p, q, dp, dq, qi }: typeof good, ...more: Buffer[]): Buffer =>
    pkcs8(RSA_ID, sequence(...[version, n, e, d, p, q, dp, dq, qi].map(integer), ...more));
  const made = await importMaterial('RSA_2048', secret(encode(0n, good)));
  const signed = await sign(openKey('RSA_2048', made.secret), 'RSASSA_PSS_SHA_256', 'RAW', Buffer.of(1));
  expect(verify(openPublicKey('RSA_2048', made.publicKey!), 'RSASSA_PSS_SHA_256', 'RAW', Buffer.of(1), signed)).toBe(
    true,
  );

  let tried = 0;
  for (const name of Object.keys(good) as (keyof typeof good)[]) {
    await refused('RSA_2048', encode(0n, { ...good, [name]: good[name] + 2n }), `${name} + 2`);
    await refused('RSA_2048', encode(0n, { ...good, [name]: 1n }), `${name} = 1`);
    tried += 2;
  }
  await refused('RSA_2048', encode(1n, good, sequence()), 'many primes');
  await refused('RSA_2048', encode(0n, { ...good, p: good.q, q: good.p }), 'primes swapped');
  await refused('RSA_2048', encode(0n, { ...good, d: good.d + (good.p - 1n) * (good.q - 1n) }), 'd over the modulus');
  await refused('RSA_2048', encode(0n, { ...good, qi: good.qi + good.p }), 'coefficient over p');
  await refused('RSA_3072', encode(0n, good), 'another size');
  expect(tried).toBe(16);

  // Numbers that fit, but for the one thing each time.
  const fit = (p: bigint, q: bigint, e: bigint) => {
    const d = inverse(e, (p - 1n) * (q - 1n));
    return { n: p * q, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) };
  };
  const { p, q } = good;
  expect((await importMaterial('RSA_2048', secret(encode(0n, fit(p, q, good.e))))).publicKey).toEqual(made.publicKey);
  const small = (bits: number) => generatePrimeSync(bits, { bigint: true });
  await refused('RSA_2048', encode(0n, fit(small(768), small(1280), good.e)), 'primes of unequal size');
  const composite = coprime(() => small(512) * small(512));
  await refused('RSA_2048', encode(0n, fit(composite, q, good.e)), 'no prime');
  const three = coprimeTo(3n);
  await refused('RSA_2048', encode(0n, fit(three(), three(), 3n)), 'exponent 3');
});

/** Of exactly 1,024 bits with the two highest set, as primes of OpenSSL have them. */
function coprime(make: () => bigint): bigint {
  for (;;) {
    const value = make();
    if (value >> 1022n === 3n && gcd(value - 1n, 65_537n) === 1n) return value;
  }
}
const coprimeTo = (e: bigint) => () => {
  for (;;) {
    const prime = generatePrimeSync(1024, { bigint: true });
    if (gcd(prime - 1n, e) === 1n) return prime;
  }
};
const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? a : gcd(b, a % b));
/** Extended Euclid; the test's `e` may divide what only looks like phi. */
function inverse(a: bigint, m: bigint): bigint {
  let [r0, r1, t0, t1] = [m, a % m, 0n, 1n];
  while (r1 !== 0n) {
    const quotient = r0 / r1;
    [r0, r1, t0, t1] = [r1, r0 - quotient * r1, t1, t0 - quotient * t1];
  }
  return ((t0 % m) + m) % m;
}

test('an ML-DSA key is imported with its seed, alone or beside its expansion', async () => {
  const seed = randomBytes(32);
  const { secretKey, publicKey } = ml_dsa44.keygen(seed);
  const both = (one: Buffer, expanded: Buffer) => sequence(tlv(0x04, one), tlv(0x04, expanded));
  const expanded = Buffer.from(secretKey);
  for (const key of [tlv(0x80, seed), both(seed, expanded)]) {
    const made = await importMaterial('ML_DSA_44', secret(mlDsaPkcs8(0x11, key)));
    expect(made.secret.expose()).toEqual(seed);
    expect(openPublicKey('ML_DSA_44', made.publicKey!).bits).toEqual(Buffer.from(publicKey));
  }
  const bad: [string, Buffer][] = [
    ['expansion alone', mlDsaPkcs8(0x11, tlv(0x04, expanded))],
    ['another expansion', mlDsaPkcs8(0x11, both(seed, flipped(expanded, 77)))],
    ['seed of 31 bytes', mlDsaPkcs8(0x11, tlv(0x80, seed.subarray(1)))],
    ['seed of 33 bytes', mlDsaPkcs8(0x11, tlv(0x80, Buffer.concat([seed, Buffer.of(0)])))],
    ['bytes behind the seed', mlDsaPkcs8(0x11, Buffer.concat([tlv(0x80, seed), Buffer.of(5, 0)]))],
    ['another parameter set', mlDsaPkcs8(0x12, tlv(0x80, seed))],
    ['the bare seed', seed],
  ];
  for (const [what, bytes] of bad) await refused('ML_DSA_44', bytes, what);
  expect(bad).toHaveLength(7);
});

test('an ML-KEM key is imported with its seed, alone or beside its expansion', async () => {
  const seed = randomBytes(64);
  const { secretKey, publicKey } = ml_kem512.keygen(seed);
  const kemPkcs8 = (oidEnd: number, key: Buffer) => pkcs8(hex(`300b060960864801650304040${oidEnd}`), key);
  const both = (one: Buffer, expanded: Buffer) => sequence(tlv(0x04, one), tlv(0x04, expanded));
  const expanded = Buffer.from(secretKey);
  for (const key of [tlv(0x80, seed), both(seed, expanded)]) {
    const made = await importMaterial('ML_KEM_512', secret(kemPkcs8(1, key)));
    expect(made.secret.expose()).toEqual(seed);
    expect(openPublicKey('ML_KEM_512', made.publicKey!).bits).toEqual(Buffer.from(publicKey));
  }
  const bad: [string, Buffer][] = [
    ['expansion alone', kemPkcs8(1, tlv(0x04, expanded))],
    ['another expansion', kemPkcs8(1, both(seed, flipped(expanded, 77)))],
    ['seed of 32 bytes', kemPkcs8(1, tlv(0x80, seed.subarray(32)))],
    ['bytes behind the seed', kemPkcs8(1, Buffer.concat([tlv(0x80, seed), Buffer.of(5, 0)]))],
    ['another parameter set', kemPkcs8(2, tlv(0x80, seed))],
    ['the seed of ML-DSA', mlDsaPkcs8(0x11, tlv(0x80, seed.subarray(32)))],
    ['the bare seed', seed],
  ];
  for (const [what, bytes] of bad) await refused('ML_KEM_512', bytes, what);
  expect(bad).toHaveLength(7);
});

/** RFC 5649, written from its sections 3 and 4 over the bare cipher: shares nothing with OpenSSL's unwrapping. */
function wrapPadded(key: Buffer, plaintext: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(plaintext.length);
  const iv = Buffer.concat([hex('A65959A6'), length]);
  const padded = Buffer.concat([plaintext, Buffer.alloc((8 - (plaintext.length % 8)) % 8)]);
  const ecb = (block: Buffer) =>
    createCipheriv(`aes-${key.length * 8}-ecb`, key, null)
      .setAutoPadding(false)
      .update(block);
  if (padded.length === 8) return ecb(Buffer.concat([iv, padded]));
  let a = iv;
  const r = Array.from({ length: padded.length / 8 }, (_, i) => padded.subarray(i * 8, i * 8 + 8));
  for (let j = 0; j < 6; j++) {
    for (let i = 0; i < r.length; i++) {
      const b = ecb(Buffer.concat([a, r[i]!]));
      a = Buffer.from(b.subarray(0, 8));
      a.writeUInt32BE((a.readUInt32BE(4) ^ (r.length * j + i + 1)) >>> 0, 4);
      r[i] = b.subarray(8);
    }
  }
  return Buffer.concat([a, ...r]);
}

test('key unwrapping with padding agrees with RFC 5649', () => {
  const kek = hex('5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8');
  // The vectors of section 6 have a key of 192 bits: they prove what wraps here, and that proves what unwraps.
  expect(wrapPadded(kek, hex('c37b7e6492584340bed12207808941155068f738'))).toEqual(
    hex('138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a'),
  );
  expect(wrapPadded(kek, hex('466f7250617369'))).toEqual(hex('afbeb0f07dfbf5419200f2ccb50bb24f'));
  const key = randomBytes(32);
  for (const length of [1, 7, 8, 9, 15, 16, 28, 32, 48, 64, 138, 1218, 2375]) {
    const plaintext = randomBytes(length);
    const wrapped = wrapPadded(key, plaintext);
    expect(unwrapPadded(secret(key), wrapped).expose()).toEqual(plaintext);
    for (const bad of [
      flipped(wrapped, length),
      wrapped.subarray(8),
      wrapped.subarray(0, -1),
      wrapped.subarray(0, -8),
    ]) {
      expect(() => unwrapPadded(secret(key), bad)).toThrow(INVALID);
    }
  }
  for (const bad of [Buffer.alloc(0), Buffer.alloc(8), Buffer.alloc(16), Buffer.alloc(24)]) {
    expect(() => unwrapPadded(secret(key), bad)).toThrow(INVALID);
  }
  expect(() => unwrapPadded(secret(kek), wrapPadded(kek, hex('466f7250617369')))).toThrow(INVALID);
});

const ALGORITHMS = [
  ['RSAES_OAEP_SHA_1', 'sha1', false],
  ['RSAES_OAEP_SHA_256', 'sha256', false],
  ['RSA_AES_KEY_WRAP_SHA_1', 'sha1', true],
  ['RSA_AES_KEY_WRAP_SHA_256', 'sha256', true],
] as const;

function wrap(plaintext: Buffer, oaepHash: string, twice: boolean, aesKey = randomBytes(32)): Buffer {
  const key = createPublicKey({ key: wrapping.publicKey, format: 'der', type: 'spki' });
  const oaep = (bytes: Buffer) =>
    publicEncrypt({ key, padding: nodeConstants.RSA_PKCS1_OAEP_PADDING, oaepHash }, bytes);
  return twice ? Buffer.concat([oaep(aesKey), wrapPadded(aesKey, plaintext)]) : oaep(plaintext);
}

test('every key that AWS lets a client wrap so is unwrapped and imported', async () => {
  let imported = 0;
  for (const [algorithm, hash, twice] of ALGORITHMS) {
    for (const [spec, made] of materials) {
      const bytes = made.secret.expose();
      if (spec.startsWith('ML_') || (!twice && bytes.length > 190)) continue;
      const unwrapped = unwrapImported(algorithm, wrapping.secret, wrap(bytes, hash, twice));
      expect((await importMaterial(spec, unwrapped)).publicKey).toEqual(made.publicKey);
      imported++;
    }
  }
  // RSA keys and P-521 are too long for OAEP alone.
  expect(imported).toBe(2 * 9 + 2 * 11);
});

test('whatever does not unwrap gives one answer', async () => {
  const plaintext = Buffer.alloc(32, 7);
  let tried = 0;
  for (const [algorithm, hash, twice] of ALGORITHMS) {
    const good = wrap(plaintext, hash, twice);
    const bad = [
      ...Array.from({ length: 16 }, (_, i) => flipped(good, i)),
      good.subarray(1),
      good.subarray(0, -1),
      good.subarray(0, 255),
      Buffer.concat([good, Buffer.alloc(8)]),
      Buffer.alloc(0),
      wrap(plaintext, hash === 'sha1' ? 'sha256' : 'sha1', twice),
      wrap(plaintext, hash, !twice),
    ];
    if (twice) bad.push(good.subarray(0, 256), wrap(plaintext, hash, true, randomBytes(16)));
    for (const one of bad) {
      expect(() => unwrapImported(algorithm, wrapping.secret, one), algorithm).toThrow(INVALID);
      tried++;
    }
  }
  expect(tried).toBe(4 * 23 + 4);
  const other = await generatePair('RSA_2048');
  expect(() => unwrapImported('RSAES_OAEP_SHA_256', other.secret, wrap(plaintext, 'sha256', false))).toThrow(INVALID);
});

test('what AWS ended or has in China only is refused', async () => {
  for (const [algorithm] of ALGORITHMS) expect(requireWrappingAlgorithm(algorithm)).toBe(algorithm);
  for (const name of ['RSAES_PKCS1_V1_5', 'SM2PKE', 'toString']) {
    expect(() => requireWrappingAlgorithm(name)).toThrow(kmsError('UnsupportedOperationException'));
  }
  await expect(newWrappingKey('SM2')).rejects.toThrow(kmsError('UnsupportedOperationException'));
});
