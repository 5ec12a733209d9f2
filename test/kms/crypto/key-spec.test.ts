import * as sdk from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { DATA_KEY_PAIR_SPECS } from '../../../src/kms/crypto/data-key-pair.js';
import {
  algorithmsOf,
  isEcdsa,
  isEdwards,
  isHmac,
  isMlDsa,
  isMlKem,
  isNistCurve,
  isPair,
  isRsa,
  KEY_SPECS,
  type KeySpec,
  type KeyUsage,
  requireAlgorithm,
  requireKeySpec,
} from '../../../src/kms/crypto/key-spec.js';
import { SIGNING_ALGORITHMS } from '../../../src/kms/crypto/signing-algorithm.js';
import { kmsError } from './known.js';

const SPECS = Object.keys(KEY_SPECS) as KeySpec[];

/** SM2 is China’s. */
const LACKING = ['SM2'];
const USAGES: KeyUsage[] = [
  'ENCRYPT_DECRYPT',
  'SIGN_VERIFY',
  'GENERATE_VERIFY_MAC',
  'KEY_AGREEMENT',
  'ENCAPSULATE_DECAPSULATE',
];

test('specs, pair specs and algorithms are those of the SDK but SM2', () => {
  const but = (values: object, ...left: string[]) => Object.values(values).filter((one) => !left.includes(one));
  expect([...SPECS].sort()).toEqual(but(sdk.KeySpec, ...LACKING).sort());
  expect([...DATA_KEY_PAIR_SPECS].sort()).toEqual(but(sdk.DataKeyPairSpec, ...LACKING).sort());
  expect(Object.keys(SIGNING_ALGORITHMS).sort()).toEqual(but(sdk.SigningAlgorithmSpec, 'SM2DSA').sort());
  for (const spec of SPECS) expect(requireKeySpec(spec)).toBe(spec);
  for (const name of [...LACKING, 'toString', '']) {
    expect(() => requireKeySpec(name)).toThrow(kmsError('UnsupportedOperationException'));
  }
});

/** Recorded answers of DescribeKey, and the key spec reference where nothing was recorded. */
const DESCRIBED: [KeySpec, KeyUsage, object][] = [
  ['SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT', { EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'] }],
  ['RSA_4096', 'ENCRYPT_DECRYPT', { EncryptionAlgorithms: ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'] }],
  ['ECC_NIST_P256', 'SIGN_VERIFY', { SigningAlgorithms: ['ECDSA_SHA_256'] }],
  ['ECC_NIST_P384', 'SIGN_VERIFY', { SigningAlgorithms: ['ECDSA_SHA_384'] }],
  ['ECC_NIST_P521', 'SIGN_VERIFY', { SigningAlgorithms: ['ECDSA_SHA_512'] }],
  ['ECC_SECG_P256K1', 'SIGN_VERIFY', { SigningAlgorithms: ['ECDSA_SHA_256'] }],
  ['ECC_NIST_P521', 'KEY_AGREEMENT', { KeyAgreementAlgorithms: ['ECDH'] }],
  ['ML_DSA_65', 'SIGN_VERIFY', { SigningAlgorithms: ['ML_DSA_SHAKE_256'] }],
  ['ML_KEM_768', 'ENCAPSULATE_DECAPSULATE', { EncapsulationAlgorithms: ['ML_KEM'] }],
  ['HMAC_224', 'GENERATE_VERIFY_MAC', { MacAlgorithms: ['HMAC_SHA_224'] }],
  ['HMAC_256', 'GENERATE_VERIFY_MAC', { MacAlgorithms: ['HMAC_SHA_256'] }],
  ['HMAC_384', 'GENERATE_VERIFY_MAC', { MacAlgorithms: ['HMAC_SHA_384'] }],
  ['HMAC_512', 'GENERATE_VERIFY_MAC', { MacAlgorithms: ['HMAC_SHA_512'] }],
];

test('a key lists its algorithms as DescribeKey does', () => {
  for (const [spec, usage, algorithms] of DESCRIBED) expect(algorithmsOf(spec, usage)).toEqual(algorithms);
  expect(algorithmsOf('RSA_2048', 'SIGN_VERIFY').SigningAlgorithms).toHaveLength(6);
});

test('a usage that the spec lacks is refused in the words of AWS', () => {
  expect(() => algorithmsOf('RSA_2048', 'KEY_AGREEMENT')).toThrow(
    kmsError('ValidationException', 'KeyUsage KEY_AGREEMENT is not compatible with KeySpec RSA_2048'),
  );
  let allowed = 0;
  let refused = 0;
  for (const spec of SPECS) {
    for (const usage of USAGES) {
      if (KEY_SPECS[spec][usage]) allowed++;
      else {
        expect(() => algorithmsOf(spec, usage)).toThrow(kmsError('ValidationException'));
        refused++;
      }
    }
  }
  expect([allowed, refused]).toEqual([25, 70]);
});

test('an algorithm belongs to a usage, not to the spec alone', () => {
  requireAlgorithm('RSA_2048', 'SIGN_VERIFY', 'RSASSA_PSS_SHA_256');
  for (const [spec, usage, algorithm] of [
    ['RSA_2048', 'ENCRYPT_DECRYPT', 'RSASSA_PSS_SHA_256'],
    ['RSA_2048', 'ENCRYPT_DECRYPT', 'SYMMETRIC_DEFAULT'],
    ['SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT', 'RSAES_OAEP_SHA_1'],
    ['HMAC_224', 'GENERATE_VERIFY_MAC', 'HMAC_SHA_256'],
    ['ECC_SECG_P256K1', 'KEY_AGREEMENT', 'ECDH'],
  ] as const) {
    expect(() => requireAlgorithm(spec, usage, algorithm)).toThrow(
      kmsError('InvalidKeyUsageException', `Algorithm ${algorithm} is incompatible with key spec ${spec}.`),
    );
  }
});

test('every spec is of one kind', () => {
  const count = (is: (spec: KeySpec) => boolean) => SPECS.filter(is).length;
  expect([isRsa, isEcdsa, isEdwards, isMlDsa, isMlKem, isHmac, isNistCurve, isPair].map(count)).toEqual([
    3, 4, 1, 3, 3, 4, 3, 14,
  ]);
  for (const spec of SPECS) {
    const kinds = [isRsa, isEcdsa, isEdwards, isMlDsa, isMlKem, isHmac].filter((is) => is(spec)).length;
    expect(kinds, spec).toBe(spec === 'SYMMETRIC_DEFAULT' ? 0 : 1);
  }
});
