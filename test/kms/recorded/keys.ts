import { makeKms } from '../harness.js';
import { arnOf, type Scenarios } from './recording.js';

const UUID = '134f2428-cec1-4b25-a1ae-9048164dba47';
const SECOND_REGION = 'eu-central-1';

export const keyScenarios: Scenarios = {
  async test_create_key(recording) {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey({ Description: 'test key 123' });
    recording.matchValue('describe-key', (await ask('DescribeKey', { KeyId })).json.KeyMetadata);
  },

  async test_non_multi_region_keys_should_not_have_multi_region_properties(recording) {
    const made = await makeKms().createKey({ Description: 'test non multi region key', MultiRegion: false });
    recording.matchValue('non_multi_region_keys_should_not_have_multi_region_properties', made);
  },

  async test_describe_with_alias_arn(recording) {
    const { ask, createKey } = makeKms();
    const made = await createKey({ Description: 'test - description' });
    recording.matchValue('created-key', made);
    await ask('CreateAlias', { AliasName: 'alias/mine', TargetKeyId: made.KeyId });
    const KeyId = made.Arn.replace(/key\/.*/, 'alias/mine');
    recording.match('describe-key', await ask('DescribeKey', { KeyId }));
  },

  /** Two regions are two Coffers. */
  async test_get_key_in_different_region(recording) {
    const here = makeKms();
    const there = makeKms(undefined, { region: SECOND_REGION });
    const { KeyId, Arn } = await there.createKey({ Description: 'test key 123' });
    const names = { '<secondary-region>': SECOND_REGION };
    recording.match('describe-key-diff-region-with-id', await here.ask('DescribeKey', { KeyId }));
    recording.match('describe-key-diff-region-with-arn', await here.ask('DescribeKey', { KeyId: Arn }), names);
    recording.match('describe-key-same-specific-region-with-id', await there.ask('DescribeKey', { KeyId }), names);
    const byArn = await there.ask('DescribeKey', { KeyId: Arn });
    recording.match('describe-key-same-specific-region-with-arn', byArn, names);
  },

  async test_get_key_does_not_exist(recording) {
    const { ask } = makeKms();
    const mrk = `mrk-${'d'.repeat(32)}`;
    const names = { '<key-arn>': arnOf(UUID), '<mrk-key-arn>': arnOf(mrk) };
    recording.match('describe-nonexistent-key-with-id', await ask('DescribeKey', { KeyId: UUID }), names);
    recording.match('describe-nonexistent-with-arn', await ask('DescribeKey', { KeyId: arnOf(UUID) }), names);
    recording.match('describe-key-with-valid-id-mrk', await ask('DescribeKey', { KeyId: mrk }), names);
  },

  async test_get_key_invalid_uuid(recording) {
    const { ask } = makeKms();
    const entries = {
      'describe-key-with-invalid-uuid': 'fake-key-id',
      'describe-key-with-invalid-uuid-2': '134f2428cec14b25a1ae9048164dba47',
      'describe-key-with-invalid-uuid-mrk': 'mrk-fake-key-id',
    };
    for (const [entry, KeyId] of Object.entries(entries)) recording.match(entry, await ask('DescribeKey', { KeyId }));
  },

  async test_create_alias(recording) {
    const { ask } = makeKms();
    recording.match('create_alias', await ask('CreateAlias', { AliasName: 'invalid', TargetKeyId: UUID }));
  },

  async test_generate_random(recording, bytes) {
    const { json } = await makeKms().ask('GenerateRandom', { NumberOfBytes: Number(bytes) });
    recording.matchValue('result_length', Buffer.from(json.Plaintext, 'base64').length);
  },

  async test_generate_random_invalid_number_of_bytes(recording, bytes) {
    const input = bytes === 'None' ? {} : { NumberOfBytes: Number(bytes) };
    recording.match('generate-random-exc', await makeKms().ask('GenerateRandom', input));
  },
};
