import { describe, expect, test } from 'vitest';
import { ACCOUNT, makeKms, OTHER_ACCOUNT, root, user, who } from './harness.js';

const ROOT = `arn:aws:iam::${ACCOUNT}:root`;
const [ALICE, BOB] = ['alice', 'bob'].map((name) => `arn:aws:iam::${ACCOUNT}:user/${name}`) as [string, string];
const PLAINTEXT = Buffer.from('a secret').toString('base64');

const statement = (Effect: string, AWS: unknown, Action: unknown = 'kms:*', more: object = {}) => ({
  Effect,
  Principal: { AWS },
  Action,
  Resource: '*',
  ...more,
});
const policy = (...Statement: unknown[]) => JSON.stringify({ Version: '2012-10-17', Statement });
const named = (arn: string) => who({ kind: 'user', arn });
/** Only users and root of the account are there; of other accounts nobody can tell. */
const principals = {
  accountIds: () => [ACCOUNT],
  exists: (arn: string) => (arn.includes(ACCOUNT) ? [ACCOUNT, ROOT, ALICE, BOB].includes(arn) : undefined),
};

describe('the lockout safety check', () => {
  const locking = [
    policy(statement('Allow', BOB)),
    policy(statement('Allow', ROOT, 'kms:Decrypt')),
    policy(statement('Allow', ROOT, 'kms:*', { Resource: 'arn:aws:kms:us-east-1:111111111111:key/other' })),
    policy(statement('Allow', ROOT), statement('Deny', ROOT, 'kms:PutKeyPolicy')),
    policy(statement('Allow', ROOT), statement('Deny', '*', 'kms:Put*')),
    policy(statement('Allow', ROOT, 'kms:*', { Condition: { Bool: { 'aws:SecureTransport': 'true' } } })),
  ];

  test.each(locking)('refuses %s', async (Policy) => {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey();
    const before = (await ask('GetKeyPolicy', { KeyId })).json.Policy;
    const refusal = {
      __type: 'MalformedPolicyDocumentException',
      message: 'The new key policy will not allow you to update the key policy in the future.',
    };
    expect((await ask('PutKeyPolicy', { KeyId, Policy })).json).toEqual(refusal);
    expect((await ask('CreateKey', { Policy })).json).toEqual(refusal);
    expect((await ask('GetKeyPolicy', { KeyId })).json.Policy).toBe(before);
    const bypassed = { Policy, BypassPolicyLockoutSafetyCheck: true };
    expect((await ask('CreateKey', bypassed)).status).toBe(200);
    expect((await ask('PutKeyPolicy', { KeyId, ...bypassed })).status).toBe(200);
    expect((await ask('PutKeyPolicy', { KeyId, Policy })).json.__type).toBe('AccessDeniedException');
  });

  test('lets through what leaves the caller a way back', async () => {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey();
    for (const Policy of [
      policy(statement('Allow', ROOT)),
      policy(statement('Allow', ACCOUNT, ['kms:Put*', 'kms:Get*'])),
    ]) {
      expect((await ask('PutKeyPolicy', { KeyId, Policy })).status).toBe(200);
    }
  });
});

describe('a malformed policy', () => {
  const good = statement('Allow', ROOT);
  test.each([
    'no JSON',
    '{"Statement":',
    '[]',
    '"text"',
    '{}',
    '{"Version":"2012-10-17"}',
    policy(),
    policy('text'),
    policy({ ...good, Effect: 'allow' }),
    policy({ ...good, Effect: undefined }),
    policy({ ...good, Principal: undefined }),
    policy({ ...good, Principal: {} }),
    policy({ ...good, Principal: 'everyone' }),
    policy({ ...good, Principal: { Group: ROOT } }),
    policy({ ...good, NotPrincipal: { AWS: ROOT } }),
    policy({ ...good, Principal: undefined, NotPrincipal: { AWS: ROOT } }),
    policy(statement('Allow', `arn:aws:iam::${ACCOUNT}:user/*`)),
    policy(statement('Allow', `arn:aws:iam::${ACCOUNT}:group/all`)),
    policy(statement('Allow', 'alice')),
    policy({ ...good, Condition: { StringEqual: { 'kms:CallerAccount': ACCOUNT } } }),
    policy({ ...good, Condition: { StringEquals: { caller: ACCOUNT } } }),
    policy({ ...good, Condition: { DateLessThan: { 'aws:CurrentTime': 'soon' } } }),
    policy({ ...good, Condition: { IpAddress: { 'aws:SourceIp': 'here' } } }),
    policy({ ...good, Condition: { StringEquals: { 'kms:CallerAccount': {} } } }),
    policy({ ...good, Sid: 'one' }, { ...good, Sid: 'one' }),
    policy({ ...good, Allow: true }),
    JSON.stringify({ Version: '2013-10-17', Statement: good }),
    JSON.stringify({ Version: '2012-10-17', Statement: good, Extra: 1 }),
    `{"Version":"2012-10-17","Statement":[${JSON.stringify(good)}],"Statement":[${JSON.stringify(good)}]}`,
  ])('%.100s', async (Policy) => {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey();
    expect((await ask('PutKeyPolicy', { KeyId, Policy })).json.__type).toBe('MalformedPolicyDocumentException');
    const bypassed = { Policy, BypassPolicyLockoutSafetyCheck: true };
    expect((await ask('CreateKey', bypassed)).json.__type).toBe('MalformedPolicyDocumentException');
  });

  test('so is one that names whom there isn’t, in an account of Coffer’s own', async () => {
    const { ask, createKey } = makeKms(undefined, { principals });
    const { KeyId } = await createKey();
    const outcome = async (AWS: unknown, Effect = 'Allow') =>
      (await ask('PutKeyPolicy', { KeyId, Policy: policy(statement('Allow', ROOT), statement(Effect, AWS)) })).json;
    for (const arn of [`arn:aws:iam::${ACCOUNT}:user/nobody`, `arn:aws:iam::${ACCOUNT}:role/nobody`]) {
      for (const Effect of ['Allow', 'Deny']) {
        expect(await outcome([ALICE, arn], Effect)).toEqual({
          __type: 'MalformedPolicyDocumentException',
          message: 'Policy contains a statement with one or more invalid principals.',
        });
      }
      const grant = { KeyId, Operations: ['Encrypt'] };
      const code = 'InvalidArnException';
      expect((await ask('CreateGrant', { ...grant, GranteePrincipal: arn })).json.__type).toBe(code);
      const retiring = { ...grant, GranteePrincipal: ALICE, RetiringPrincipal: arn };
      expect((await ask('CreateGrant', retiring)).json.__type).toBe(code);
    }
    expect(await outcome([ALICE, BOB, ACCOUNT, `arn:aws:iam::${OTHER_ACCOUNT}:user/unknown`])).toEqual({});
  });
});

describe('a key policy', () => {
  test('tells use and administration apart', async () => {
    const { ask, createKey } = makeKms();
    const administer = [
      'kms:Put*',
      'kms:Get*',
      'kms:Describe*',
      'kms:Disable*',
      'kms:Enable*',
      'kms:ScheduleKeyDeletion',
    ];
    const { KeyId } = await createKey({
      Policy: policy(
        statement('Allow', ALICE, administer),
        statement('Allow', BOB, ['kms:Encrypt', 'kms:Decrypt', 'kms:DescribeKey']),
        statement('Allow', ROOT, 'kms:PutKeyPolicy'),
      ),
    });
    const requests: [string, object][] = [
      ['Encrypt', { Plaintext: PLAINTEXT }],
      ['DisableKey', {}],
      ['EnableKey', {}],
      ['PutKeyPolicy', { Policy: policy(statement('Allow', ROOT)) }],
      ['DescribeKey', {}],
      ['ScheduleKeyDeletion', { PendingWindowInDays: 7 }],
    ];
    const may = async (arn: string) => {
      const codes: string[] = [];
      for (const [action, input] of requests) {
        if (action === 'PutKeyPolicy' && arn === ALICE) continue;
        const { json } = await ask(action, { KeyId, ...input }, named(arn));
        if (json.__type === undefined) codes.push(action);
        else expect(json.__type).toBe('AccessDeniedException');
      }
      return codes;
    };
    expect(await may(BOB)).toEqual(['Encrypt', 'DescribeKey']);
    expect(await may(ALICE)).toEqual(['DisableKey', 'EnableKey', 'DescribeKey', 'ScheduleKeyDeletion']);
  });

  test('that doesn’t name the account’s root shuts root and identity policies out, and those of other keys never help', async () => {
    const { ask, createKey } = makeKms();
    const Policy = policy(statement('Allow', BOB));
    const { KeyId, Arn } = await createKey({ Policy, BypassPolicyLockoutSafetyCheck: true });
    const everything = { Effect: 'Allow', Action: '*', Resource: '*' };
    for (const from of [root(), user([everything]), user([{ ...everything, Action: 'kms:*', Resource: Arn }])]) {
      for (const action of ['DescribeKey', 'GetKeyPolicy', 'ScheduleKeyDeletion', 'CreateGrant']) {
        const members = { GranteePrincipal: ALICE, Operations: ['Decrypt'] };
        const { json } = await ask(action, { KeyId, ...(action === 'CreateGrant' && members) }, from);
        expect(json.__type).toBe('AccessDeniedException');
      }
    }
    expect((await ask('DescribeKey', { KeyId }, named(BOB))).status).toBe(200);
  });

  test('binds root by its denials', async () => {
    const { ask, createKey } = makeKms();
    const Policy = policy(statement('Allow', ROOT), statement('Deny', '*', ['kms:Decrypt', 'kms:CreateGrant']));
    const { KeyId } = await createKey({ Policy });
    const { CiphertextBlob } = (await ask('Encrypt', { KeyId, Plaintext: PLAINTEXT })).json;
    expect(CiphertextBlob).toBeTypeOf('string');
    const { json } = await ask('Decrypt', { CiphertextBlob });
    expect(json.__type).toBe('AccessDeniedException');
    expect(json.message).toContain('with an explicit deny in a resource-based policy');
    const grant = { KeyId, GranteePrincipal: ALICE, Operations: ['Decrypt'] };
    expect((await ask('CreateGrant', grant)).json.__type).toBe('AccessDeniedException');
  });
});
