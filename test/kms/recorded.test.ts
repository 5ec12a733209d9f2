import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACCOUNT, type Answer, makeKms, REGION } from './harness.js';

const FILE = '../shared/reference/aws-recorded/test_kms.snapshot.json';
const present = existsSync(FILE);
if (!present) console.warn(`${FILE} is absent: answers recorded from AWS are not compared`);

type Recorded = Record<
  string,
  { Error: { Code: string; Message: string }; ResponseMetadata: { HTTPStatusCode: number } }
>;
const recorded = new Map<string, Recorded>();
let compared = 0;

/** Compares an error with the recorded one; `names` stand for what the recording replaced. */
function expectRecorded(testName: string, entry: string, answer: Answer, names: Record<string, string> = {}): void {
  const { Error: error, ResponseMetadata } = recorded.get(testName)![entry]!;
  let message = error.Message;
  for (const [placeholder, value] of Object.entries(names)) message = message.replaceAll(placeholder, value);
  expect({ status: answer.status, code: answer.json.__type, message: answer.json.message ?? '' }).toEqual({
    status: ResponseMetadata.HTTPStatusCode,
    code: error.Code,
    message,
  });
  compared++;
}

describe.skipIf(!present)('answers as AWS recorded them', () => {
  beforeAll(() => {
    const file = JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, { 'recorded-content': Recorded }>;
    for (const [name, value] of Object.entries(file)) recorded.set(name.split('::').at(-1)!, value['recorded-content']);
  });
  // A runner that compares nothing must not pass.
  afterAll(() => expect(compared).toBe(26));

  const UUID = '134f2428-cec1-4b25-a1ae-9048164dba47';
  const arnOf = (id: string) => `arn:aws:kms:${REGION}:${ACCOUNT}:key/${id}`;

  test('GenerateRandom validates NumberOfBytes', async () => {
    const { ask } = makeKms();
    for (const bytes of [null, 0, 1025]) {
      const name = `test_generate_random_invalid_number_of_bytes[${bytes === null ? 'None' : bytes}]`;
      const answer = await ask('GenerateRandom', bytes === null ? {} : { NumberOfBytes: bytes });
      expectRecorded(name, 'generate-random-exc', answer);
    }
  });

  test('DescribeKey of what is no key', async () => {
    const { ask } = makeKms();
    const absent = 'test_get_key_does_not_exist';
    const mrk = `mrk-${'d'.repeat(32)}`;
    for (const [entry, KeyId, id] of [
      ['describe-nonexistent-key-with-id', UUID, UUID],
      ['describe-nonexistent-with-arn', arnOf(UUID), UUID],
      ['describe-key-with-valid-id-mrk', mrk, mrk],
    ] as const) {
      const placeholders = { '<key-arn>': arnOf(id), '<mrk-key-arn>': arnOf(id) };
      expectRecorded(absent, entry, await ask('DescribeKey', { KeyId }), placeholders);
    }
    for (const [entry, KeyId] of [
      ['describe-key-with-invalid-uuid', 'fake-key-id'],
      ['describe-key-with-invalid-uuid-2', '134f2428cec14b25a1ae9048164dba47'],
      ['describe-key-with-invalid-uuid-mrk', 'mrk-fake-key-id'],
    ] as const) {
      expectRecorded('test_get_key_invalid_uuid', entry, await ask('DescribeKey', { KeyId }));
    }
    const KeyId = arnOf(UUID).replace(REGION, 'eu-central-1');
    expectRecorded(
      'test_get_key_in_different_region',
      'describe-key-diff-region-with-arn',
      await ask('DescribeKey', { KeyId }),
      {
        '<secondary-region>': 'eu-central-1',
      },
    );
  });

  test('CreateAlias wants the prefix', async () => {
    const { ask } = makeKms();
    const answer = await ask('CreateAlias', { AliasName: 'invalid', TargetKeyId: UUID });
    expectRecorded('test_create_alias', 'create_alias', answer);
  });

  test('Encrypt takes 4,096 bytes', async () => {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey();
    const Plaintext = Buffer.alloc(4097).toString('base64');
    const answer = await ask('Encrypt', { KeyId, Plaintext });
    expectRecorded('test_plaintext_size_for_encrypt', 'invalid-plaintext-size-encrypt', answer);
    expect((await ask('Encrypt', { KeyId, Plaintext: Buffer.alloc(4096).toString('base64') })).status).toBe(200);
  });

  test('Decrypt with another context or of changed bytes', async () => {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey();
    const EncryptionContext = { context: 'true' };
    const { json } = await ask('Encrypt', { KeyId, Plaintext: 'aGVsbG8=', EncryptionContext });
    const name = 'test_encrypt_decrypt_encryption_context';
    const { CiphertextBlob } = json;
    const without = await ask('Decrypt', { CiphertextBlob });
    expectRecorded(name, 'decrypt_response_without_encryption_context', without);
    const bytes = Buffer.from(CiphertextBlob, 'base64');
    bytes[bytes.length - 1]! ^= 1;
    const changed = await ask('Decrypt', { CiphertextBlob: bytes.toString('base64'), EncryptionContext });
    expectRecorded(name, 'decrypt_response_with_invalid_ciphertext', changed);
    for (const action of ['generate_data_key', 'generate_data_key_without_plaintext']) {
      const target = action === 'generate_data_key' ? 'GenerateDataKey' : 'GenerateDataKeyWithoutPlaintext';
      const made = await ask(target, { KeyId, KeySpec: 'AES_256', EncryptionContext });
      const refused = await ask('Decrypt', { CiphertextBlob: made.json.CiphertextBlob });
      expectRecorded(`test_encryption_context_${action}`, 'decrypt-without-encryption-context', refused);
    }
  });

  test('ReEncrypt with another source key', async () => {
    const { ask, createKey } = makeKms();
    const [one, two] = [await createKey(), await createKey()];
    const { json } = await ask('Encrypt', { KeyId: one.KeyId, Plaintext: 'aGVsbG8=' });
    const input = { CiphertextBlob: json.CiphertextBlob, SourceKeyId: two.KeyId, DestinationKeyId: two.KeyId };
    expectRecorded('test_re_encrypt_incorrect_source_key', 'incorrect-source-key', await ask('ReEncrypt', input));
  });

  test('RotateKeyOnDemand of a key that is disabled, absent or rotated 25 times', async () => {
    const { ask, createKey } = makeKms();
    const { KeyId, Arn } = await createKey();
    const absent = await ask('RotateKeyOnDemand', { KeyId: UUID });
    const stem = 'test_rotate_key_on_demand_raises_error_given_key';
    expectRecorded(`${stem}_that_does_not_exist`, 'error-response', absent, { '<key-arn>': arnOf(UUID) });
    await ask('DisableKey', { KeyId });
    const disabled = await ask('RotateKeyOnDemand', { KeyId });
    expectRecorded(`${stem}_is_disabled`, 'error-response', disabled, { '<key-arn>': Arn });
    await ask('EnableKey', { KeyId });
    for (let i = 0; i < 25; i++) expect((await ask('RotateKeyOnDemand', { KeyId })).status).toBe(200);
    const tooMany = await ask('RotateKeyOnDemand', { KeyId });
    expectRecorded('test_key_rotations_limits', 'error-response', tooMany, { '<key-arn>': Arn });
  });

  test('tags that are reserved, too many, doubled or too long', async () => {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey();
    const tag = (TagKey: string, TagValue = 'v') => ({ TagKey, TagValue });
    const twice = await ask('TagResource', { KeyId, Tags: [tag('a'), tag('a')] });
    expectRecorded('test_tag_key_with_duplicate_tag_keys_raises_error', 'duplicate-tag-keys', twice);
    const many = await ask('CreateKey', { Tags: Array.from({ length: 51 }, (_, i) => tag(`k${i}`)) });
    expectRecorded('test_create_key_with_too_many_tags_raises_error', 'invalid-tag-key', many);
    const reserved = await ask('TagResource', { KeyId, Tags: [tag('aws:key')] });
    expectRecorded('test_tag_existing_key_with_invalid_tag_key', 'invalid-tag-key', reserved);
    const stem = 'test_create_key_with_invalid_tag_key';
    const upper = await ask('CreateKey', { Tags: [tag('AWS:key')] });
    expectRecorded(`${stem}[uppercase_prefix]`, 'invalid-tag-key', upper);
    const longKey = await ask('CreateKey', { Tags: [tag('a'.repeat(129))] });
    expectRecorded(`${stem}[too_long_key]`, 'invalid-tag-key', longKey);
    const longValue = await ask('TagResource', { KeyId, Tags: [tag('k', 'v'.repeat(257))] });
    expectRecorded('test_key_with_long_tag_value_raises_error', 'too-long-tag-value', longValue);
  });

  test('KeyMetadata has the recorded members', async () => {
    const { ask } = makeKms();
    const { KeyMetadata } = (await ask('CreateKey', { Description: 'test key 123' })).json;
    const wanted = recorded.get('test_create_key')!['describe-key'] as unknown as Record<string, unknown>;
    const varying = {
      AWSAccountId: ACCOUNT,
      Arn: arnOf(KeyMetadata.KeyId),
      CreationDate: expect.any(Number),
      CurrentKeyMaterialId: expect.stringMatching(/^[0-9a-f]{64}$/),
      KeyId: KeyMetadata.KeyId,
    };
    expect(KeyMetadata).toEqual({ ...wanted, ...varying });
  });
});
