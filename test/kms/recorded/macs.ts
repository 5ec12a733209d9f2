import { expect } from 'vitest';
import { makeKms } from '../harness.js';
import { base64, type Scenarios } from './recording.js';

const MESSAGE = 'some important message';
const HMAC_256 = { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC', Description: 'test key' };

export const macScenarios: Scenarios = {
  async test_hmac_create_key(recording) {
    const { ask, createKey } = makeKms();
    const made = await createKey(HMAC_256);
    recording.matchValue('create-hmac-key', made);
    recording.matchValue('describe-key', (await ask('DescribeKey', { KeyId: made.KeyId })).json.KeyMetadata);
  },

  async test_hmac_create_key_invalid_operations(recording) {
    const { ask } = makeKms();
    const without = await ask('CreateKey', { KeySpec: 'HMAC_256' });
    recording.match('create-hmac-key-without-key-usage', without);
    const spec = await ask('CreateKey', { ...HMAC_256, KeySpec: 'HMAC_random' });
    recording.match('create-hmac-key-invalid-spec', spec);
    const usage = await ask('CreateKey', { ...HMAC_256, KeyUsage: 'RANDOM' });
    recording.match('create-hmac-key-invalid-key-usage', usage);
  },

  async test_generate_and_verify_mac(recording, KeySpec, MacAlgorithm) {
    const { ask, createKey } = makeKms();
    const { KeyId, Arn } = await createKey({ KeySpec, KeyUsage: 'GENERATE_VERIFY_MAC' });
    const asked = { KeyId, Message: base64(MESSAGE), MacAlgorithm };
    const made = await ask('GenerateMac', asked);
    recording.match('generate-mac', made);
    expect(made.json.KeyId).toBe(Arn);
    const { Mac } = made.json;
    recording.match('verify-mac', await ask('VerifyMac', { ...asked, Mac }));
    recording.match('generate-mac-invalid-key-id', await ask('GenerateMac', { ...asked, KeyId: 'key_id' }));
    recording.match('verify-mac-invalid-key-id', await ask('VerifyMac', { ...asked, KeyId: 'key_id', Mac }));
  },

  async test_invalid_generate_mac(recording, KeySpec, MacAlgorithm) {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey({ KeySpec, KeyUsage: 'GENERATE_VERIFY_MAC' });
    recording.match('generate-mac', await ask('GenerateMac', { KeyId, Message: base64(MESSAGE), MacAlgorithm }));
  },

  async test_invalid_verify_mac(recording, KeySpec, MacAlgorithm, message) {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey({ KeySpec, KeyUsage: 'GENERATE_VERIFY_MAC' });
    const made = await ask('GenerateMac', { KeyId, Message: base64(MESSAGE), MacAlgorithm: 'HMAC_SHA_256' });
    recording.match('generate-mac', made);
    const { Mac } = made.json;
    recording.match('verify-mac', await ask('VerifyMac', { KeyId, Message: base64(message!), MacAlgorithm, Mac }));
  },
};
