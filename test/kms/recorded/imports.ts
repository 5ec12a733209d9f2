import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { makeKms } from '../harness.js';
import { base64, type Recording, type Scenarios } from './recording.js';
import { importInto } from './wrapped.js';

const CURVES: Record<string, string> = {
  ECC_NIST_P256: 'P-256',
  ECC_NIST_P384: 'P-384',
  ECC_NIST_P521: 'P-521',
  ECC_SECG_P256K1: 'secp256k1',
};
const HMAC_BYTES: Record<string, number> = { HMAC_224: 28, HMAC_256: 32, HMAC_384: 48, HMAC_512: 64 };
const NEW = { ImportType: 'NEW_KEY_MATERIAL' };

const eccKey = (spec: string): Buffer =>
  generateKeyPairSync('ec', { namedCurve: CURVES[spec]! }).privateKey.export({ format: 'der', type: 'pkcs8' });

/** A key without material, as Description and more have it. */
async function external(more: object) {
  const { ask, createKey } = makeKms();
  const made = await createKey({ Origin: 'EXTERNAL', ...more });
  const { KeyId } = made;
  return { ask, made, KeyId, describe: () => ask('DescribeKey', { KeyId }) };
}

type Ask = ReturnType<typeof makeKms>['ask'];

/** The way of all material: described before and after, used between, deleted. `before`, `after`: the names of the answers. */
async function importUseDelete(
  recording: Recording,
  key: object,
  material: Buffer,
  {
    created = () => {},
    use = async () => {},
    before = 'describe-key-before-import',
    after = 'describe-key-after-import',
  }: {
    created?: (made: object) => void;
    use?: (ask: Ask, KeyId: string) => Promise<void>;
    before?: string;
    after?: string;
  } = {},
): Promise<void> {
  const { ask, made, KeyId, describe } = await external(key);
  created(made);
  recording.match(before, await describe());
  const imported = await importInto(ask, KeyId, material, {}, 'RSA_AES_KEY_WRAP_SHA_256');
  expect(imported.status).toBe(200);
  recording.match(after, await describe());
  await use(ask, KeyId);
  await ask('DeleteImportedKeyMaterial', { KeyId });
  recording.match('describe-key-after-deleted-import', await describe());
}

async function pendingImportError(recording: Recording, spec: string): Promise<void> {
  const { ask, made, KeyId } = await external({ Description: 'test-key' });
  recording.matchValue('create-kms-external-key', made);
  recording.match(`rotate-key-on-demand-error-response-${spec}`, await ask('RotateKeyOnDemand', { KeyId }));
}

export const importScenarios: Scenarios = {
  async test_import_key_symmetric(recording) {
    const { ask, made, KeyId, describe } = await external({ Description: 'described' });
    recording.matchValue('created-key', made);
    const encrypt = () => ask('Encrypt', { KeyId, Plaintext: base64('a secret') });
    recording.match('encrypt-before-import-error', await encrypt());
    recording.match('describe-key-before-import', await describe());
    const material = randomBytes(32);
    const expiring = await importInto(ask, KeyId, material, { ExpirationModel: 'KEY_MATERIAL_EXPIRES' });
    recording.match('import-expiring-key-without-valid-to', expiring);
    await importInto(ask, KeyId, material);
    recording.match('describe-key-after-import', await describe());
    expect((await encrypt()).status).toBe(200);
    await ask('DeleteImportedKeyMaterial', { KeyId });
    recording.match('describe-key-after-deleted-import', await describe());
    recording.match('encrypt-after-delete-error', await encrypt());
  },

  async test_import_key_asymmetric(recording) {
    const key = { Description: 'described', KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' };
    const created = (made: object) => recording.matchValue('created-key', made);
    await importUseDelete(recording, key, eccKey('ECC_NIST_P256'), { created });
  },

  async test_import_key_rsa_aes_wrap_sha256(recording) {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 4096 });
    const key = { Description: 'test-key', KeySpec: 'RSA_4096', KeyUsage: 'ENCRYPT_DECRYPT' };
    const der = privateKey.export({ format: 'der', type: 'pkcs8' });
    const names = { before: 'describe-before-import', after: 'import-key-material-response' };
    await importUseDelete(recording, key, der, names);
  },

  async test_import_key_ecc_keys(recording, KeySpec) {
    const key = { Description: 'test ecc key import', KeySpec, KeyUsage: 'SIGN_VERIFY' };
    const use = async (ask: Ask, KeyId: string) => {
      const [SigningAlgorithm] = (await ask('DescribeKey', { KeyId })).json.KeyMetadata.SigningAlgorithms;
      const asked = { KeyId, Message: base64('test message'), SigningAlgorithm };
      const signed = await ask('Sign', asked);
      recording.match('sign-result', signed);
      recording.match('verify-result', await ask('Verify', { ...asked, Signature: signed.json.Signature }));
    };
    await importUseDelete(recording, key, eccKey(KeySpec!), { use });
  },

  async test_import_key_hmac_keys(recording, KeySpec) {
    const key = { Description: 'test import hmac key', KeySpec, KeyUsage: 'GENERATE_VERIFY_MAC' };
    const use = async (ask: Ask, KeyId: string) => {
      const asked = { KeyId, Message: base64('test message'), MacAlgorithm: KeySpec!.replace('_', '_SHA_') };
      const made = await ask('GenerateMac', asked);
      recording.match('generate-mac-response', made);
      recording.match('verify-mac-response', await ask('VerifyMac', { ...asked, Mac: made.json.Mac }));
    };
    await importUseDelete(recording, key, randomBytes(HMAC_BYTES[KeySpec!]!), { use });
  },

  test_get_parameters_for_import: (recording) => notExternal(recording, 'response-error'),
  test_get_parameters_for_import_raises_for_non_external_kms_keys: (recording) =>
    notExternal(recording, 'get-import-parameters-error'),

  test_rotate_key_on_demand_on_external_key_with_no_key_material: (recording, spec) =>
    pendingImportError(recording, spec!),

  async test_import_key_material_raises_if_there_is_already_key_material_pending(recording) {
    const { ask, KeyId } = await external({});
    recording.match('import-initial-material-response', await importInto(ask, KeyId, randomBytes(32)));
    recording.match('import-pending-material-response', await importInto(ask, KeyId, randomBytes(32), NEW));
    const third = await importInto(ask, KeyId, randomBytes(32), NEW);
    const id = /\(id: ([0-9a-f]{64})\) cannot/.exec(third.json.message)![1]!;
    recording.match('existing-pending-material-error', third, { '<key-material-id>': id });
  },

  async test_rotate_key_on_demand_updates_current_key_material_for_external_keys(recording) {
    const { ask, made, KeyId, describe } = await external({ Description: 'test-key' });
    const encrypt = () => ask('Encrypt', { KeyId, Plaintext: base64('a secret') });
    const parameters = { KeyId, WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' };
    recording.matchValue('create-kms-external-key', made);
    recording.match('get-import-parameters-response', await ask('GetParametersForImport', parameters));
    recording.match('describe-empty-key-response', await describe());
    recording.match('import-key-material-response', await importInto(ask, KeyId, randomBytes(32)));
    recording.match('describe-key-with-material-response', await describe());
    recording.match('kms-encrypt-initial-response', await encrypt());
    recording.match('import-new-key-material-response', await importInto(ask, KeyId, randomBytes(32), NEW));
    recording.match('describe-key-with-new-material-response', await describe());
    recording.match('rotate-key-on-demand-response', await ask('RotateKeyOnDemand', { KeyId }));
    recording.match('describe-key-after-rotation', await describe());
    recording.match('kms-encrypt-rotated-key-response', await encrypt());
  },

  async test_rotate_key_on_demand_for_external_keys_decrypts_with_previous_material(recording) {
    const { ask, made, KeyId } = await external({ Description: 'test-key' });
    recording.matchValue('create-kms-external-key', made);
    recording.match('import-key-material-response', await importInto(ask, KeyId, randomBytes(32)));
    const encrypted = await ask('Encrypt', { KeyId, Plaintext: base64('a secret') });
    recording.match('kms-encrypt-initial-response', encrypted);
    await importInto(ask, KeyId, randomBytes(32), NEW);
    recording.match('rotate-key-on-demand-response', await ask('RotateKeyOnDemand', { KeyId }));
    const { json } = await ask('Decrypt', { CiphertextBlob: encrypted.json.CiphertextBlob });
    expect(json.Plaintext).toBe(base64('a secret'));
  },

  async test_rotate_key_on_demand_raises_for_no_pending_key_material(recording) {
    const { ask, made, KeyId } = await external({});
    await importInto(ask, KeyId, randomBytes(32));
    const answer = await ask('RotateKeyOnDemand', { KeyId });
    recording.match('rotate-key-on-demand-invalid-state-error', answer, { '<key-arn>': made.Arn });
  },
};

async function notExternal(recording: Recording, entry: string): Promise<void> {
  const { ask, createKey } = makeKms();
  const { KeyId, Arn } = await createKey();
  const input = { KeyId, WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' };
  recording.match(entry, await ask('GetParametersForImport', input), { '<key-arn>': Arn });
}
