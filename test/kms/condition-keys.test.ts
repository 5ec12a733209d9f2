import { describe, expect, test } from 'vitest';
import type { KmsCallerContext } from '../../src/encryption/ports.js';
import { parseIdentityPolicy } from '../../src/policy/parse.js';
import { ACCOUNT, makeKms, OTHER_ACCOUNT, root, user, viaS3, who } from './harness.js';
import { CONDITION_CASES, type ConditionCase } from './support/condition-cases.js';

const ALICE = `arn:aws:iam::${ACCOUNT}:user/alice`;
const rule = (Effect: string, Condition?: object) => ({
  Effect,
  Action: 'kms:*',
  Resource: '*',
  ...(Condition && { Condition }),
});

/** Alice, from a known address over TLS. */
function alice(statements: object[], throughS3: boolean): KmsCallerContext {
  const policies = statements.length > 0 ? [parseIdentityPolicy({ Version: '2012-10-17', Statement: statements })] : [];
  const caller = { kind: 'user', arn: ALICE, userName: 'alice', userId: 'AIDAALICE', policies } as const;
  const requestContext = new Map([
    ['aws:sourceip', ['192.0.2.7']],
    ['aws:securetransport', ['true']],
  ]);
  const context = { ...who(caller), requestContext };
  return throughS3 ? viaS3(context) : context;
}

type Place = 'identity policy' | 'key policy';

/** What Alice is answered where these statements stand in one of the two places; '' is success. */
async function answer(one: ConditionCase, place: Place, statements: object[]): Promise<string> {
  const { action, input, spec, byAlias, naming = ['KeyId'], throughS3 = false } = one;
  const { ask, createKey } = makeKms();
  const inKey = place === 'key policy';
  const administer = { ...rule('Allow'), Action: ['kms:PutKeyPolicy', 'kms:CreateAlias', 'kms:Encrypt'] };
  const Statement = [
    { ...administer, Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` } },
    ...statements.map((statement) => ({ ...statement, Principal: { AWS: ALICE } })),
  ];
  const policy = inKey && { Policy: JSON.stringify({ Version: '2012-10-17', Statement }) };
  const { KeyId } = await createKey({ ...spec, ...policy });
  if ((await ask('CreateAlias', { AliasName: 'alias/one', TargetKeyId: KeyId })).status !== 200)
    throw new Error('setup');
  const source =
    action === 'ReEncrypt' && (await ask('Encrypt', { KeyId, Plaintext: 'YQ==' }, root())).json.CiphertextBlob;
  const named = Object.fromEntries(naming.map((member) => [member, byAlias ? 'alias/one' : KeyId]));
  const body = { ...input, ...(action !== 'CreateKey' && named), ...(source && { CiphertextBlob: source }) };
  const { json } = await ask(action, body, alice(inKey ? [] : statements, throughS3));
  return json.__type ?? '';
}

describe.each(CONDITION_CASES)('$key by $operator in $action', (one) => {
  const { key, operator, value, other, action } = one;
  const places: Place[] = action === 'CreateKey' ? ['identity policy'] : ['identity policy', 'key policy'];
  const met = { [operator]: { [key]: value } };
  const unmet = { [operator]: { [key]: other } };
  test.each(places)('allows and denies in the %s', async (place) => {
    expect(await answer(one, place, [rule('Allow', met)])).toBe(one.answer ?? '');
    expect(await answer(one, place, [rule('Allow', unmet)])).toBe('AccessDeniedException');
    expect(await answer(one, place, [rule('Allow'), rule('Deny', met)])).toBe('AccessDeniedException');
    expect(await answer(one, place, [rule('Allow'), rule('Deny', unmet)])).toBe(one.answer ?? '');
  });
});

test('every condition key has a case', () => {
  const names = new Set(CONDITION_CASES.map(({ key }) => key.toLowerCase().split(/(?<=context)[:]|\//)[0]));
  expect(names.size).toBe(43);
  expect(CONDITION_CASES).toHaveLength(57);
});

test('of tags and pairs that differ in case alone none hides another from a denial', async () => {
  const { ask, createKey } = makeKms();
  const { KeyId } = await createKey();
  const deny = (key: string) => user([rule('Allow'), rule('Deny', { StringEquals: { [key]: 'prod' } })]);
  for (const [first, second] of [
    ['prod', 'test'],
    ['test', 'prod'],
  ]) {
    const Tags = [
      { TagKey: 'Env', TagValue: first },
      { TagKey: 'env', TagValue: second },
    ];
    const tagging = await ask('TagResource', { KeyId, Tags }, deny('aws:RequestTag/env'));
    expect(tagging.json.__type).toBe('AccessDeniedException');
    expect((await ask('CreateKey', { Tags }, deny('aws:RequestTag/ENV'))).json.__type).toBe('AccessDeniedException');
    const tagged = await createKey({ Tags });
    const seen = await ask('DescribeKey', { KeyId: tagged.KeyId }, deny('aws:ResourceTag/env'));
    expect(seen.json.__type).toBe('AccessDeniedException');
    const context = { Plaintext: 'YQ==', EncryptionContext: { Env: first, env: second } };
    const sealed = await ask('Encrypt', { KeyId, ...context }, deny('kms:EncryptionContext:env'));
    expect(sealed.json.__type).toBe('AccessDeniedException');
  }
});

test('ResourceAccount is the account of the key, there or not, and of what is about no key the caller’s', async () => {
  const { ask, createKey } = makeKms();
  const { Arn, KeyId } = await createKey({
    Policy: JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ ...rule('Allow'), Principal: { AWS: [ACCOUNT, OTHER_ACCOUNT] } }],
    }),
  });
  const guarded = (accountId: string) =>
    user([rule('Allow'), rule('Deny', { StringNotEquals: { 'aws:ResourceAccount': accountId } })], OTHER_ACCOUNT);
  const [within, abroad] = [guarded(OTHER_ACCOUNT), guarded(ACCOUNT)];
  const absent = Arn.replace(KeyId, '134f2428-cec1-4b25-a1ae-9048164dba47');
  const says = async (KeyId: string, from: KmsCallerContext) =>
    (await ask('DescribeKey', { KeyId }, from)).json.message as string | undefined;
  expect(await says(Arn, abroad)).toBeUndefined();
  for (const named of [Arn, absent]) expect(await says(named, within)).toContain('explicit deny in an identity-based');
  expect(await says(absent, abroad)).toContain('does not exist in this Region');
  expect((await ask('ListKeys', {}, within)).status).toBe(200);
  expect((await ask('ListKeys', {}, abroad)).json.__type).toBe('AccessDeniedException');
  const own = await ask('CreateKey', {}, within);
  const alias = { AliasName: 'alias/a', TargetKeyId: own.json.KeyMetadata.KeyId };
  expect((await ask('CreateAlias', alias, within)).status).toBe(200);
  expect((await ask('DeleteAlias', alias, abroad)).json.__type).toBe('ValidationException');
  expect((await ask('DeleteAlias', { AliasName: 'alias/a' }, abroad)).json.__type).toBe('AccessDeniedException');
});

test('GrantIsForAWSResource is a condition of grants alone', async () => {
  const { ask, createKey } = makeKms();
  const { KeyId } = await createKey();
  const careful = user([rule('Allow'), rule('Deny', { Bool: { 'kms:GrantIsForAWSResource': 'false' } })]);
  expect((await ask('DescribeKey', { KeyId }, careful)).status).toBe(200);
  expect((await ask('RevokeGrant', { KeyId, GrantId: 'x' }, careful)).json.__type).toBe('AccessDeniedException');
  expect((await ask('RevokeGrant', { KeyId, GrantId: 'x' }, viaS3(careful))).json.__type).toBe('NotFoundException');
});
