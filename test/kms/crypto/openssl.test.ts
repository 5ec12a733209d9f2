import { spawnSync } from 'node:child_process';
import { createHash, createPublicKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deriveSharedSecret } from '../../../src/kms/crypto/ecdh.js';
import { importMaterial } from '../../../src/kms/crypto/import-material.js';
import type { PairSpec } from '../../../src/kms/crypto/key-spec.js';
import { generatePair } from '../../../src/kms/crypto/material.js';
import { type OpenedKey, type OpenedPublicKey, openKey, openPublicKey } from '../../../src/kms/crypto/opened-key.js';
import { decryptRsa, encryptRsa } from '../../../src/kms/crypto/rsa-encryption.js';
import { sign, verify } from '../../../src/kms/crypto/signing.js';
import { kmsError, secret } from './known.js';

/** Agreement with a program that shares no code with the way over a digest: the `openssl` command. */

const TEXT = Buffer.from('a message of no importance');
let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'coffer-openssl-'));
  writeFileSync(at('message'), TEXT);
});
afterAll(() => rmSync(folder, { recursive: true }));

function openssl(...args: string[]): boolean {
  const { error, status } = spawnSync('openssl', args, { cwd: folder });
  if (error) throw error;
  return status === 0;
}

interface Pair {
  private: OpenedKey;
  public: OpenedPublicKey;
}

/** A key made by `openssl`, as PKCS#8 in the file `<spec>.der`, and imported. */
async function imported(spec: PairSpec, ...genpkey: string[]): Promise<Pair> {
  expect(openssl('genpkey', ...genpkey, '-outform', 'DER', '-out', `${spec}.der`)).toBe(true);
  expect(openssl('pkcs8', '-topk8', '-nocrypt', '-in', `${spec}.der`, '-inform', 'DER', '-out', `${spec}.pem`)).toBe(
    true,
  );
  expect(openssl('pkcs8', '-topk8', '-nocrypt', '-in', `${spec}.pem`, '-outform', 'DER', '-out', `${spec}.p8`)).toBe(
    true,
  );
  expect(openssl('pkey', '-in', `${spec}.pem`, '-pubout', '-outform', 'DER', '-out', `${spec}.spki`)).toBe(true);
  expect(openssl('pkey', '-in', `${spec}.pem`, '-pubout', '-out', `${spec}.pub`)).toBe(true);
  const made = await importMaterial(spec, secret(readFileSync(at(`${spec}.p8`))));
  expect(made.publicKey, spec).toEqual(readFileSync(at(`${spec}.spki`)));
  return { private: openKey(spec, made.secret), public: openPublicKey(spec, made.publicKey!) };
}

const rsa2048 = (): Promise<Pair> => imported('RSA_2048', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048');
const curve = (spec: PairSpec, name: string): Promise<Pair> =>
  imported(spec, '-algorithm', 'EC', '-pkeyopt', `ec_paramgen_curve:${name}`);

const CURVES = [
  ['ECC_NIST_P256', 'P-256', 'sha256', 'ECDSA_SHA_256'],
  ['ECC_NIST_P384', 'P-384', 'sha384', 'ECDSA_SHA_384'],
  ['ECC_NIST_P521', 'P-521', 'sha512', 'ECDSA_SHA_512'],
  ['ECC_SECG_P256K1', 'secp256k1', 'sha256', 'ECDSA_SHA_256'],
] as const;

/** Both ways against each other, RAW and DIGEST. `options`: of `openssl dgst`. @returns how many signatures were checked */
async function agree(key: Pair, algorithm: string, hash: string, options: string[], rounds: number): Promise<number> {
  const { spec } = key.public;
  const digest = createHash(hash).update(TEXT).digest();
  let checked = 0;
  for (let i = 0; i < rounds; i++) {
    for (const type of ['RAW', 'DIGEST'] as const) {
      const message = type === 'RAW' ? TEXT : digest;
      writeFileSync(at('ours'), await sign(key.private, algorithm, type, message));
      const args = ['dgst', `-${hash}`, ...options, '-verify', `${spec}.pub`, '-signature', 'ours', 'message'];
      expect(openssl(...args), `${algorithm} ${type}`).toBe(true);
      expect(openssl('dgst', `-${hash}`, ...options, '-sign', `${spec}.pem`, '-out', 'theirs', 'message')).toBe(true);
      expect(verify(key.public, algorithm, type, message, readFileSync(at('theirs'))), `${algorithm} ${type}`).toBe(
        true,
      );
      checked += 2;
    }
  }
  return checked;
}

test('openssl verifies what RSA keys sign, and the other way round', async () => {
  const key = await rsa2048();
  let checked = 0;
  for (const bits of ['256', '384', '512']) {
    checked += await agree(key, `RSASSA_PKCS1_V1_5_SHA_${bits}`, `sha${bits}`, [], 1);
    const pss = ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest'];
    checked += await agree(key, `RSASSA_PSS_SHA_${bits}`, `sha${bits}`, pss, 1);
  }
  expect(checked).toBe(24);
});

test('a PSS signature with another salt length or mask is refused, RAW and DIGEST', async () => {
  const key = await rsa2048();
  const digest = createHash('sha256').update(TEXT).digest();
  let refused = 0;
  for (const options of [
    ['-sigopt', 'rsa_pss_saltlen:0'],
    ['-sigopt', 'rsa_pss_saltlen:20'],
    ['-sigopt', 'rsa_pss_saltlen:31'],
    ['-sigopt', 'rsa_pss_saltlen:33'],
    ['-sigopt', 'rsa_pss_saltlen:max'],
    ['-sigopt', 'rsa_pss_saltlen:32', '-sigopt', 'rsa_mgf1_md:sha1'],
  ]) {
    const pss = ['-sigopt', 'rsa_padding_mode:pss', ...options];
    expect(openssl('dgst', '-sha256', ...pss, '-sign', 'RSA_2048.pem', '-out', 'theirs', 'message')).toBe(true);
    const signature = readFileSync(at('theirs'));
    expect(verify(key.public, 'RSASSA_PSS_SHA_256', 'RAW', TEXT, signature), options.join()).toBe(false);
    expect(verify(key.public, 'RSASSA_PSS_SHA_256', 'DIGEST', digest, signature), options.join()).toBe(false);
    refused++;
  }
  expect(refused).toBe(6);
});

test('openssl verifies what ECDSA keys sign, and the other way round', async () => {
  let checked = 0;
  // Half of openssl's signatures have s in the upper half: eight of them without one is a chance of 1 in 256 per curve.
  for (const [spec, name, hash, algorithm] of CURVES)
    checked += await agree(await curve(spec, name), algorithm, hash, [], 4);
  expect(checked).toBe(4 * 16);
});

test('openssl verifies what Ed25519 keys sign, and the other way round', async () => {
  const key = await imported('ECC_NIST_EDWARDS25519', '-algorithm', 'ED25519');
  writeFileSync(at('ours'), await sign(key.private, 'ED25519_SHA_512', 'RAW', TEXT));
  const name = 'ECC_NIST_EDWARDS25519';
  expect(
    openssl('pkeyutl', '-verify', '-rawin', '-pubin', '-inkey', `${name}.pub`, '-in', 'message', '-sigfile', 'ours'),
  ).toBe(true);
  expect(openssl('pkeyutl', '-sign', '-rawin', '-inkey', `${name}.pem`, '-in', 'message', '-out', 'theirs')).toBe(true);
  expect(verify(key.public, 'ED25519_SHA_512', 'RAW', TEXT, readFileSync(at('theirs')))).toBe(true);
});

test('openssl decrypts what RSA keys encrypt, and the other way round', async () => {
  const key = await rsa2048();
  let checked = 0;
  for (const [algorithm, hash] of [
    ['RSAES_OAEP_SHA_1', 'sha1'],
    ['RSAES_OAEP_SHA_256', 'sha256'],
  ] as const) {
    const oaep = [
      '-pkeyopt',
      'rsa_padding_mode:oaep',
      '-pkeyopt',
      `rsa_oaep_md:${hash}`,
      '-pkeyopt',
      `rsa_mgf1_md:${hash}`,
    ];
    writeFileSync(at('ours'), encryptRsa(key.public, algorithm, TEXT));
    expect(openssl('pkeyutl', '-decrypt', '-inkey', 'RSA_2048.pem', ...oaep, '-in', 'ours', '-out', 'opened')).toBe(
      true,
    );
    expect(readFileSync(at('opened'))).toEqual(TEXT);
    const encrypt = ['pkeyutl', '-encrypt', '-pubin', '-inkey', 'RSA_2048.pub', '-in', 'message', '-out', 'theirs'];
    expect(openssl(...encrypt, ...oaep)).toBe(true);
    expect(decryptRsa(key.private, algorithm, readFileSync(at('theirs'))).expose()).toEqual(TEXT);
    const other = algorithm === 'RSAES_OAEP_SHA_1' ? 'RSAES_OAEP_SHA_256' : 'RSAES_OAEP_SHA_1';
    expect(() => decryptRsa(key.private, other, readFileSync(at('theirs')))).toThrow(
      kmsError('InvalidCiphertextException', ''),
    );
    // The paddings that AWS doesn't have.
    expect(openssl(...encrypt, '-pkeyopt', 'rsa_padding_mode:pkcs1')).toBe(true);
    expect(() => decryptRsa(key.private, algorithm, readFileSync(at('theirs')))).toThrow(
      kmsError('InvalidCiphertextException', ''),
    );
    checked++;
  }
  expect(checked).toBe(2);
});

test('openssl derives the same shared secret', async () => {
  let checked = 0;
  for (const [spec, name] of CURVES.slice(0, 3)) {
    const ours = await generatePair(spec);
    await curve(spec, name);
    const publicKey = createPublicKey({ key: ours.publicKey, format: 'der', type: 'spki' });
    writeFileSync(at('peer.pub'), publicKey.export({ format: 'pem', type: 'spki' }));
    expect(openssl('pkeyutl', '-derive', '-inkey', `${spec}.pem`, '-peerkey', 'peer.pub', '-out', 'shared')).toBe(true);
    const shared = deriveSharedSecret(openKey(spec, ours.secret), readFileSync(at(`${spec}.spki`)));
    expect(shared.expose()).toEqual(readFileSync(at('shared')));
    checked++;
  }
  expect(checked).toBe(3);
});

test('a peer key in a shape that only openssl would read is refused', async () => {
  const { private: key } = await curve('ECC_NIST_P256', 'P-256');
  const spki = readFileSync(at('ECC_NIST_P256.spki'));
  expect(deriveSharedSecret(key, spki)).toHaveLength(32);
  expect(
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-param_enc', 'explicit', '-out', 'explicit.pem'),
  ).toBe(true);
  expect(openssl('pkey', '-in', 'explicit.pem', '-pubout', '-outform', 'DER', '-out', 'explicit.spki')).toBe(true);
  expect(openssl('pkcs8', '-topk8', '-nocrypt', '-in', 'explicit.pem', '-outform', 'DER', '-out', 'explicit.p8')).toBe(
    true,
  );
  expect(() => deriveSharedSecret(key, readFileSync(at('explicit.spki')))).toThrow(kmsError('ValidationException', ''));
  expect(() => deriveSharedSecret(key, Buffer.concat([spki, Buffer.of(0)]))).toThrow(
    kmsError('ValidationException', ''),
  );
  await expect(importMaterial('ECC_NIST_P256', secret(readFileSync(at('explicit.p8'))))).rejects.toThrow(
    kmsError('IncorrectKeyMaterialException'),
  );
});
