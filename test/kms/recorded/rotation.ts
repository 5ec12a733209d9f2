import { expect } from 'vitest';
import { makeKms } from '../harness.js';
import { arnOf, base64, type Scenarios } from './recording.js';

const UUID = '134f2428-cec1-4b25-a1ae-9048164dba47';
const ON_DEMAND_MAX = 25;

async function key(input: object = {}) {
  const { ask, createKey } = makeKms();
  const { KeyId, Arn } = await createKey(input);
  const rotate = () => ask('RotateKeyOnDemand', { KeyId });
  const status = () => ask('GetKeyRotationStatus', { KeyId });
  const describe = () => ask('DescribeKey', { KeyId });
  return { ask, KeyId, Arn, rotate, status, describe, names: { '<key-arn>': Arn } };
}

export const rotationScenarios: Scenarios = {
  async test_key_enable_rotation_status(recording, days) {
    const { ask, KeyId, status } = await key();
    await ask('EnableKeyRotation', { KeyId, RotationPeriodInDays: Number(days) });
    recording.match('match_response', await status());
  },

  async test_rotate_key_on_demand_modifies_key_material(recording) {
    const { ask, KeyId, rotate, describe } = await key();
    const before = (await describe()).json.KeyMetadata.CurrentKeyMaterialId;
    const { CiphertextBlob } = (await ask('Encrypt', { KeyId, Plaintext: base64('a secret') })).json;
    recording.match('rotate-on-demand-response', await rotate());
    const after = (await ask('Encrypt', { KeyId, Plaintext: base64('a secret') })).json.CiphertextBlob;
    const used = [];
    for (const blob of [CiphertextBlob, after]) {
      used.push((await ask('Decrypt', { CiphertextBlob: blob })).json.KeyMaterialId);
    }
    expect(used[0]).toBe(before);
    expect(used[1]).not.toBe(before);
  },

  async test_rotate_key_on_demand_with_symmetric_key_and_automatic_rotation_disabled(recording) {
    const { rotate, status } = await key();
    recording.match('rotate-on-demand-response', await rotate());
    recording.match('rotation-status-response-after-rotation', await status());
  },

  async test_rotate_key_on_demand_with_symmetric_key_and_automatic_rotation_enabled(recording) {
    const { ask, KeyId, rotate, status } = await key();
    await ask('EnableKeyRotation', { KeyId });
    const planned = (await status()).json.NextRotationDate;
    recording.match('rotate-on-demand-response', await rotate());
    const after = await status();
    recording.match('rotation-status-response-after-rotation', after);
    expect(after.json.NextRotationDate).toBe(planned);
  },

  async test_rotate_on_demand_returns_arn_for_key_id(recording) {
    const { Arn, rotate } = await key();
    const answer = await rotate();
    recording.match('rotate-on-demand-aws-key', answer);
    expect(answer.json.KeyId).toBe(Arn);
  },

  async test_rotate_key_on_demand_raises_error_given_key_is_disabled(recording) {
    const { ask, KeyId, rotate, names } = await key();
    await ask('DisableKey', { KeyId });
    recording.match('error-response', await rotate(), names);
  },

  async test_rotate_key_on_demand_raises_error_given_key_that_does_not_exist(recording) {
    const absent = await makeKms().ask('RotateKeyOnDemand', { KeyId: UUID });
    recording.match('error-response', absent, { '<key-arn>': arnOf(UUID) });
  },

  async test_rotate_key_on_demand_raises_error_given_non_symmetric_key(recording) {
    const { rotate } = await key({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' });
    recording.match('error-response', await rotate());
  },

  async test_key_rotations_limits(recording) {
    const { rotate, names } = await key();
    for (let i = 0; i < ON_DEMAND_MAX; i++) expect((await rotate()).status).toBe(200);
    recording.match('error-response', await rotate(), names);
  },

  /** Old ciphertexts open, and those that were changed don't. */
  async test_key_rotations_encryption_decryption(recording) {
    const { ask, KeyId, rotate } = await key();
    const { CiphertextBlob } = (await ask('Encrypt', { KeyId, Plaintext: base64('a secret') })).json;
    await rotate();
    expect((await ask('Decrypt', { CiphertextBlob })).json.Plaintext).toBe(base64('a secret'));
    const bytes = Buffer.from(CiphertextBlob, 'base64');
    bytes[bytes.length - 1]! ^= 1;
    recording.match('bad-ciphertext', await ask('Decrypt', { CiphertextBlob: bytes.toString('base64') }));
  },

  async test_key_rotation_updates_current_key_material_id_for_aws_symmetric_keys(recording) {
    const { rotate, describe } = await key({ Description: 'test-key' });
    recording.match('describe-key-before-rotation', await describe());
    await rotate();
    recording.match('describe-key-after-rotation', await describe());
  },
};
