import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ACCOUNT, makeKms, OTHER_ACCOUNT, REGION, root, user } from './harness.js';
import { base64 } from './recorded/recording.js';
import { importInto } from './recorded/wrapped.js';

const PLAINTEXT = base64('a secret');
const UUID = '134f2428-cec1-4b25-a1ae-9048164dba47';
const RSA = { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' };
const OAEP = 'RSAES_OAEP_SHA_256';
const GRANTEE = `arn:aws:iam::${ACCOUNT}:user/grantee`;
const NULL = (at: string) =>
  `1 validation error detected: Value null at '${at}' failed to satisfy constraint: Member must not be null`;

describe('CreateKey', () => {
  test('takes the spec under one of its two names', async () => {
    const { ask, createKey } = makeKms();
    const sign = { KeyUsage: 'SIGN_VERIFY' };
    expect(await createKey({ ...sign, CustomerMasterKeySpec: 'ECC_NIST_P256' })).toMatchObject({
      KeySpec: 'ECC_NIST_P256',
    });
    const both = { ...sign, KeySpec: 'ECC_NIST_P256', CustomerMasterKeySpec: 'ECC_NIST_P256' };
    expect((await ask('CreateKey', both)).json.__type).toBe('ValidationException');
  });

  test('refuses what would put the key elsewhere', async () => {
    const { ask } = makeKms();
    const elsewhere = [{ KeySpec: 'SM2', KeyUsage: 'SIGN_VERIFY' }];
    for (const input of elsewhere) {
      const { json } = await ask('CreateKey', input);
      expect([input, json.__type]).toEqual([input, 'UnsupportedOperationException']);
    }
    expect((await ask('ListKeys')).json.Keys).toEqual([]);
  });
});

describe('an encryption context', () => {
  test('goes with symmetric keys alone', async () => {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey(RSA);
    const EncryptionContext = { bound: 'no' };
    const asked = { KeyId, EncryptionAlgorithm: OAEP };
    const encrypted = await ask('Encrypt', { ...asked, Plaintext: PLAINTEXT });
    expect(encrypted.status).toBe(200);
    const refused = [
      await ask('Encrypt', { ...asked, Plaintext: PLAINTEXT, EncryptionContext }),
      await ask('Decrypt', { ...asked, CiphertextBlob: encrypted.json.CiphertextBlob, EncryptionContext }),
    ];
    const from = (await createKey()).KeyId;
    const { CiphertextBlob } = (await ask('Encrypt', { KeyId: from, Plaintext: PLAINTEXT })).json;
    const target = { DestinationKeyId: KeyId, DestinationEncryptionAlgorithm: OAEP };
    const DestinationEncryptionContext = EncryptionContext;
    refused.push(await ask('ReEncrypt', { CiphertextBlob, ...target, DestinationEncryptionContext }));
    for (const { json } of refused) expect(json.__type).toBe('ValidationException');
    expect((await ask('ReEncrypt', { CiphertextBlob, ...target })).status).toBe(200);
  });

  test('an algorithm goes with its keys', async () => {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey(RSA);
    expect((await ask('Encrypt', { KeyId, Plaintext: PLAINTEXT })).json).toEqual({
      __type: 'InvalidKeyUsageException',
      message: 'Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.',
    });
    const CiphertextBlob = randomBytes(256).toString('base64');
    expect((await ask('Decrypt', { KeyId, CiphertextBlob })).json.__type).toBe('IncorrectKeyException');
  });
});

test('a dry run decides what the request would', async () => {
  const { ask, createKey } = makeKms();
  const rsa = (await createKey(RSA)).KeyId;
  const ecc = (await createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })).KeyId;
  const mac = (await createKey({ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' })).KeyId;
  const grant = { GranteePrincipal: GRANTEE, Operations: ['GenerateDataKey'] };
  const Message = PLAINTEXT;
  const cases: [action: string, input: object, code: string][] = [
    ['Encrypt', { KeyId: rsa, Plaintext: PLAINTEXT }, 'InvalidKeyUsageException'],
    ['Sign', { KeyId: ecc, Message, SigningAlgorithm: 'ECDSA_SHA_384' }, 'InvalidKeyUsageException'],
    ['Verify', { KeyId: ecc, Message, Signature: 'AAAA', SigningAlgorithm: 'SM2DSA' }, 'InvalidKeyUsageException'],
    ['GenerateMac', { KeyId: mac, Message, MacAlgorithm: 'HMAC_SHA_512' }, 'InvalidKeyUsageException'],
    ['VerifyMac', { KeyId: mac, Message, Mac: 'AAAA', MacAlgorithm: 'HMAC_SHA_512' }, 'InvalidKeyUsageException'],
    ['CreateGrant', { KeyId: rsa, ...grant }, 'ValidationException'],
    [
      'CreateGrant',
      { KeyId: rsa, ...grant, Operations: ['Encrypt'], GranteePrincipal: 'nobody' },
      'InvalidArnException',
    ],
    ['RevokeGrant', { KeyId: rsa, GrantId: 'a' }, 'NotFoundException'],
    ['RetireGrant', { KeyId: rsa, GrantId: 'a' }, 'NotFoundException'],
    ['Decrypt', { CiphertextBlob: 'AAAA' }, 'InvalidCiphertextException'],
  ];
  for (const [action, input, code] of cases) {
    for (const DryRun of [true, false]) {
      expect([action, DryRun, (await ask(action, { ...input, DryRun })).json.__type]).toEqual([action, DryRun, code]);
    }
  }
});

describe('keys of other accounts', () => {
  test('nobody is told whether they are there', async () => {
    const { ask, createKey } = makeKms();
    const { Arn } = await createKey();
    await ask('CreateAlias', { AliasName: 'alias/there', TargetKeyId: Arn });
    const absent = Arn.replace(/[^/]*$/, UUID);
    const may = [{ Effect: 'Allow', Action: 'kms:*', Resource: '*' }];
    const mayNot = [...may, { Effect: 'Deny', Action: 'kms:*', Resource: '*' }];
    const others = [root(OTHER_ACCOUNT), ...[[], may, mayNot].map((statements) => user(statements, OTHER_ACCOUNT))];
    const actions = [
      ['DescribeKey', {}],
      ['Encrypt', { Plaintext: PLAINTEXT }],
      ['DisableKey', {}],
      ['ListAliases', {}],
      ['ListGrants', {}],
      ['RevokeGrant', { GrantId: 'a' }],
      ['RetireGrant', { GrantId: 'a' }],
    ] as const;
    for (const [other, [action, more]] of others.flatMap((one) => actions.map((two) => [one, two] as const))) {
      const there = (await ask(action, { ...more, KeyId: Arn }, other)).json;
      const gone = (await ask(action, { ...more, KeyId: absent }, other)).json;
      expect(there.__type).toBe('AccessDeniedException');
      expect(gone).toEqual({ ...there, message: there.message.replaceAll(Arn, absent) });
    }
    const [other] = others;
    const alias = Arn.replace(/key\/.*/, 'alias/absent');
    expect((await ask('DescribeKey', { KeyId: alias }, other)).json.__type).toBe('AccessDeniedException');
    const { CiphertextBlob } = (await ask('Encrypt', { KeyId: Arn, Plaintext: PLAINTEXT })).json;
    const input = { CiphertextBlob, SourceKeyId: Arn, DestinationKeyId: Arn.replace(ACCOUNT, '333333333333') };
    expect((await ask('ReEncrypt', input)).json.__type).toBe('AccessDeniedException');
  });

  test('no alias of another region or form names a key', async () => {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey();
    await ask('CreateAlias', { AliasName: 'alias/mine', TargetKeyId: KeyId });
    const alias = (region: string) => `arn:aws:kms:${region}:${ACCOUNT}:alias/mine`;
    expect((await ask('DescribeKey', { KeyId: alias(REGION) })).status).toBe(200);
    expect((await ask('DescribeKey', { KeyId: alias('eu-central-1') })).json.__type).toBe('NotFoundException');
    const message = "Invalid keyId 'alias/mine'";
    for (const [action, more] of [
      ['DisableKey', { KeyId: alias(REGION) }],
      ['CreateAlias', { AliasName: 'alias/second', TargetKeyId: 'alias/mine' }],
      ['RetireGrant', { KeyId: 'alias/mine', GrantId: 'a' }],
      ['ListAliases', { KeyId: 'alias/mine' }],
    ] as const) {
      expect((await ask(action, more)).json).toEqual({ __type: 'NotFoundException', message });
    }
  });
});

test('a tag has a key and a value', async () => {
  const { ask, createKey } = makeKms();
  const { KeyId } = await createKey();
  const tag = async (...Tags: object[]) => (await ask('TagResource', { KeyId, Tags })).json;
  expect(await tag({ TagValue: 'v' })).toEqual({
    __type: 'ValidationException',
    message: NULL('tags.1.member.tagKey'),
  });
  const second = await tag({ TagKey: 'a', TagValue: '' }, { TagKey: 'b' });
  expect(second).toEqual({ __type: 'ValidationException', message: NULL('tags.2.member.tagValue') });
  expect((await tag({ TagKey: 5, TagValue: 'v' })).__type).toBe('SerializationException');
  expect((await tag({ TagKey: '', TagValue: 'v' })).__type).toBe('ValidationException');
  expect((await ask('ListResourceTags', { KeyId })).json.Tags).toEqual([]);
});

test('ImportKeyMaterial knows a KeyMaterialId only when the material was imported before', async () => {
  const { ask, createKey } = makeKms();
  const [one, two] = [await createKey({ Origin: 'EXTERNAL' }), await createKey({ Origin: 'EXTERNAL' })];
  const material = randomBytes(32);
  const { KeyMaterialId } = (await importInto(ask, one.KeyId, material)).json;
  expect((await importInto(ask, one.KeyId, material, { KeyMaterialId })).status).toBe(200);
  const elsewhere = await importInto(ask, two.KeyId, material, { KeyMaterialId });
  expect(elsewhere.json.__type).toBe('IncorrectKeyMaterialException');
  const other = await importInto(ask, one.KeyId, randomBytes(32), { KeyMaterialId });
  expect(other.json.__type).toBe('IncorrectKeyMaterialException');
});

test('what is no request of the API', async () => {
  const { kms } = makeKms();
  for (const target of ['', 'Encrypt', 'TrentService.', 'TrentService.encrypt', 'TrentService.constructor']) {
    const { status, json } = await kms.dispatch(target, Buffer.from('{}'), root());
    expect([target, status, json]).toEqual([target, 400, { __type: 'UnknownOperationException' }]);
  }
  for (const body of ['[]', '5', 'null', '"a"', '{', '{"KeyId":']) {
    const { status, json } = await kms.dispatch('TrentService.ListKeys', Buffer.from(body), root());
    expect([body, status, json.__type]).toEqual([body, 400, 'SerializationException']);
  }
});
