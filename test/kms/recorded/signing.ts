import { constants, createHash, createPublicKey, createVerify, diffieHellman, generateKeyPairSync } from 'node:crypto';
import { expect } from 'vitest';
import { makeKms } from '../harness.js';
import { base64, type Scenarios } from './recording.js';

const MESSAGE = 'some important message';
const hashOf = (algorithm: string): string => `sha${algorithm.slice(-3)}`;
const digest = (algorithm: string, text: string): string => createHash(hashOf(algorithm)).update(text).digest('base64');
const peerOf = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve });
const spki = (key: ReturnType<typeof peerOf>['publicKey']): string =>
  key.export({ format: 'der', type: 'spki' }).toString('base64');

async function signer(spec: string) {
  const { ask, createKey } = makeKms();
  return { ask, ...(await createKey({ KeySpec: spec, KeyUsage: 'SIGN_VERIFY' })) };
}

export const signingScenarios: Scenarios = {
  async test_sign_verify(recording, spec, SigningAlgorithm) {
    const { ask, KeyId, Arn } = await signer(spec!);
    const Message = digest(SigningAlgorithm!, MESSAGE);
    const asked = { KeyId, Message, MessageType: 'DIGEST', SigningAlgorithm };
    const signed = await ask('Sign', asked);
    recording.match('signature', signed);
    expect(signed.json.KeyId).toBe(Arn);
    const { Signature } = signed.json;
    recording.match('verification', await ask('Verify', { ...asked, Signature }));
    recording.match('bad-digest', await ask('Verify', { ...asked, Message: base64('short'), Signature }));
    const changed = Buffer.from(Signature, 'base64');
    changed[changed.length - 1]! ^= 1;
    const bad = await ask('Verify', { ...asked, Signature: changed.toString('base64') });
    recording.match('bad-signature', bad);
  },

  /** Nothing was recorded but that it verifies: with the public key, and salts as long as the digest. */
  async test_verify_salt_length(_, spec, SigningAlgorithm) {
    const { ask, KeyId } = await signer(spec!);
    const algorithm = SigningAlgorithm!;
    const signed = await ask('Sign', { KeyId, Message: base64(MESSAGE), MessageType: 'RAW', SigningAlgorithm });
    const der = Buffer.from((await ask('GetPublicKey', { KeyId })).json.PublicKey, 'base64');
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
    const verifier = createVerify(hashOf(algorithm)).update(MESSAGE);
    const signature = Buffer.from(signed.json.Signature, 'base64');
    expect(verifier.verify({ key, ...(algorithm.includes('PSS') && pss) }, signature)).toBe(true);
  },

  async test_derive_shared_secret(recording) {
    const { ask, createKey } = makeKms();
    const PublicKey = spki(peerOf('P-256').publicKey);
    const derive = (KeyId: string, more: object = {}) =>
      ask('DeriveSharedSecret', { KeyId, KeyAgreementAlgorithm: 'ECDH', PublicKey, ...more });
    const own = await createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' });
    recording.match('response', await derive(own.KeyId));
    const signs = await createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' });
    recording.match('response-invalid-key-usage', await derive(signs.KeyId), { '<key-arn>': signs.Arn });
    const rsa = await ask('CreateKey', { KeySpec: 'RSA_2048', KeyUsage: 'KEY_AGREEMENT' });
    recording.match('response-invalid-key-spec', rsa);
    const algorithm = await derive(own.KeyId, { KeyAgreementAlgorithm: 'INVALID' });
    recording.match('response-invalid-key-agreement-algo', algorithm);
    const encrypts = await createKey();
    recording.match('response-invalid-key', await derive(encrypts.KeyId), { '<key-arn>': encrypts.Arn });
    recording.match('response-invalid-public-key', await derive(own.KeyId, { PublicKey: base64('InvalidPublicKey') }));
  },

  async test_derive_shared_secret_matches_openssl(recording) {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' });
    const { publicKey, privateKey } = peerOf('P-256');
    const input = { KeyId, KeyAgreementAlgorithm: 'ECDH', PublicKey: spki(publicKey) };
    const derived = await ask('DeriveSharedSecret', input);
    recording.match('derived-shared-key-resp', derived);
    const der = Buffer.from((await ask('GetPublicKey', { KeyId })).json.PublicKey, 'base64');
    const ours = createPublicKey({ key: der, format: 'der', type: 'spki' });
    const secret = diffieHellman({ privateKey, publicKey: ours });
    expect(derived.json.SharedSecret).toBe(secret.toString('base64'));
  },
};
