import { makeKms } from '../harness.js';
import { base64, type Recording, type Scenarios } from './recording.js';

const PLAINTEXT = base64('a secret');
const EncryptionContext = { context: 'true' };
/** Under RSAES_OAEP a message has to leave room for two digests and two bytes. */
const RSA_MOST: Record<string, number> = { RSA_2048: 256, RSA_3072: 384, RSA_4096: 512 };

/** One of the four that make data keys, recorded before KeyMaterialId was told. */
async function makesDataKey(recording: Recording, entry: string, action: string, more: object): Promise<void> {
  const { ask, createKey } = makeKms();
  const { KeyId } = await createKey();
  recording.match(entry, await ask(action, { KeyId, ...more }));
}

/** The same with an encryption context, opened without. */
async function opensWithContextAlone(recording: Recording, action: string, more: object): Promise<void> {
  const { ask, createKey } = makeKms();
  const { KeyId } = await createKey();
  const { json } = await ask(action, { KeyId, EncryptionContext, ...more });
  const CiphertextBlob = json.CiphertextBlob ?? json.PrivateKeyCiphertextBlob;
  recording.match('decrypt-without-encryption-context', await ask('Decrypt', { CiphertextBlob }));
}

async function dryRun(recording: Recording, action: string): Promise<void> {
  await makesDataKey(recording, 'dryrun_exception', action, { KeyPairSpec: 'RSA_2048', DryRun: true });
}

const AES = { KeySpec: 'AES_256' };
const RSA = { KeyPairSpec: 'RSA_2048' };

export const encryptionScenarios: Scenarios = {
  async test_encrypt_validate_plaintext_size_per_key_type(recording, spec, algorithm) {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey({ KeySpec: spec, KeyUsage: 'ENCRYPT_DECRYPT' });
    const most = RSA_MOST[spec!]! - 2 * (algorithm === 'RSAES_OAEP_SHA_1' ? 20 : 32) - 2;
    const encrypt = (bytes: number) =>
      ask('Encrypt', { KeyId, Plaintext: Buffer.alloc(bytes).toString('base64'), EncryptionAlgorithm: algorithm });
    recording.match('generate-random-exc', await encrypt(most + 1));
    if ((await encrypt(most)).status !== 200) throw new Error(`${most} bytes are refused`);
  },

  async test_plaintext_size_for_encrypt(recording) {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey();
    const Plaintext = Buffer.alloc(4097).toString('base64');
    recording.match('invalid-plaintext-size-encrypt', await ask('Encrypt', { KeyId, Plaintext }));
  },

  test_generate_data_key: (recording) => makesDataKey(recording, 'generate-data-key-result', 'GenerateDataKey', AES),
  test_generate_data_key_without_plaintext: (recording) =>
    makesDataKey(recording, 'generate-data-key-without-plaintext', 'GenerateDataKeyWithoutPlaintext', AES),
  test_generate_data_key_pair: (recording) =>
    makesDataKey(recording, 'generate-data-key-pair', 'GenerateDataKeyPair', RSA),
  test_generate_data_key_pair_without_plaintext: (recording) =>
    makesDataKey(recording, 'generate-data-key-pair-without-plaintext', 'GenerateDataKeyPairWithoutPlaintext', RSA),

  test_generate_data_key_pair_dry_run: (recording) => dryRun(recording, 'GenerateDataKeyPair'),
  test_generate_data_key_pair_without_plaintext_dry_run: (recording) =>
    dryRun(recording, 'GenerateDataKeyPairWithoutPlaintext'),

  test_encryption_context_generate_data_key: (recording) => opensWithContextAlone(recording, 'GenerateDataKey', AES),
  test_encryption_context_generate_data_key_without_plaintext: (recording) =>
    opensWithContextAlone(recording, 'GenerateDataKeyWithoutPlaintext', AES),
  test_encryption_context_generate_data_key_pair: (recording) =>
    opensWithContextAlone(recording, 'GenerateDataKeyPair', RSA),
  test_encryption_context_generate_data_key_pair_without_plaintext: (recording) =>
    opensWithContextAlone(recording, 'GenerateDataKeyPairWithoutPlaintext', RSA),

  async test_encrypt_decrypt_encryption_context(recording) {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey();
    const encrypted = await ask('Encrypt', { KeyId, Plaintext: PLAINTEXT, EncryptionContext });
    recording.match('encrypt_response', encrypted);
    const { CiphertextBlob } = encrypted.json;
    const opened = await ask('Decrypt', { CiphertextBlob, EncryptionContext });
    recording.match('decrypt_response_with_encryption_context', opened);
    recording.match('decrypt_response_without_encryption_context', await ask('Decrypt', { CiphertextBlob }));
    const bytes = Buffer.from(CiphertextBlob, 'base64');
    bytes[bytes.length - 1]! ^= 1;
    const changed = await ask('Decrypt', { CiphertextBlob: bytes.toString('base64'), EncryptionContext });
    recording.match('decrypt_response_with_invalid_ciphertext', changed);
  },

  async test_re_encrypt(recording, spec, algorithm) {
    const { ask, createKey } = makeKms();
    const keys = [1, 2].map(() => createKey({ KeySpec: spec, KeyUsage: 'ENCRYPT_DECRYPT' }));
    const [from, to] = (await Promise.all(keys)) as [{ KeyId: string; Arn: string }, { KeyId: string }];
    const made = await ask('Encrypt', { KeyId: from.KeyId, Plaintext: PLAINTEXT, EncryptionAlgorithm: algorithm });
    const answer = await ask('ReEncrypt', {
      CiphertextBlob: made.json.CiphertextBlob,
      SourceKeyId: from.KeyId,
      SourceEncryptionAlgorithm: algorithm,
      DestinationKeyId: to.KeyId,
      DestinationEncryptionAlgorithm: algorithm,
    });
    recording.match('test_re_encrypt', answer, { '<key-arn>': from.Arn });
  },

  async test_re_encrypt_incorrect_source_key(recording) {
    const { ask, createKey } = makeKms();
    const [one, two] = [await createKey(), await createKey()];
    const { CiphertextBlob } = (await ask('Encrypt', { KeyId: one.KeyId, Plaintext: PLAINTEXT })).json;
    const input = { CiphertextBlob, SourceKeyId: two.KeyId, DestinationKeyId: two.KeyId };
    recording.match('incorrect-source-key', await ask('ReEncrypt', input));
  },

  async test_error_messaging_for_invalid_keys(recording) {
    const { ask, createKey } = makeKms();
    const mac = await createKey({ KeySpec: 'HMAC_224', KeyUsage: 'GENERATE_VERIFY_MAC' });
    const encrypt = await createKey();
    const sign = await createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' });
    const of = ({ Arn }: { Arn: string }) => ({ '<key-arn>': Arn });
    const [Message, SigningAlgorithm] = [PLAINTEXT, 'ECDSA_SHA_256'];
    const asMac = await ask('GenerateMac', { KeyId: encrypt.KeyId, Message, MacAlgorithm: 'HMAC_SHA_224' });
    recording.match('generate-mac-invalid-key-id', asMac, of(encrypt));
    const asSign = await ask('Sign', { KeyId: mac.KeyId, Message, SigningAlgorithm });
    recording.match('sign-invalid-key-id', asSign, of(mac));
    const asVerify = await ask('Verify', { KeyId: encrypt.KeyId, Message, Signature: PLAINTEXT, SigningAlgorithm });
    recording.match('verify-invalid-key-id', asVerify, of(encrypt));
    const asEncrypt = await ask('Encrypt', { KeyId: sign.KeyId, Plaintext: PLAINTEXT });
    recording.match('encrypt-invalid-key-id', asEncrypt, of(sign));
    const { CiphertextBlob } = (await ask('Encrypt', { KeyId: encrypt.KeyId, Plaintext: PLAINTEXT })).json;
    recording.match('decrypt-invalid-key-id', await ask('Decrypt', { KeyId: mac.KeyId, CiphertextBlob }));
  },
};
