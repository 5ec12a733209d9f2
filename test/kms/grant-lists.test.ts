import { describe, expect, test } from 'vitest';
import type { KmsCallerContext } from '../../src/encryption/ports.js';
import { defaultPolicy } from '../../src/kms/default-policies.js';
import { ACCOUNT, makeKms, OTHER_ACCOUNT, REGION, root, user, who } from './harness.js';

const named = (userName: string, accountId = ACCOUNT) =>
  who({ kind: 'user', accountId, arn: `arn:aws:iam::${accountId}:user/${userName}`, userName });
const statement = (Effect: string, Action: string) => ({ Effect, Action, Resource: '*' });

describe('RetireGrant', () => {
  const [grantee, retiring, stranger] = [named('grantee'), named('retiring'), named('stranger')];
  const members = { GranteePrincipal: grantee.caller.arn, RetiringPrincipal: retiring.caller.arn };
  const retires = { ...members, Operations: ['Encrypt', 'RetireGrant'] };
  const encrypts = { ...members, Operations: ['Encrypt'] };
  const denied = {
    ...retiring,
    caller: { ...retiring.caller, policies: user([statement('Deny', 'kms:*')]).caller.policies },
  };
  const allowed = user([statement('Allow', 'kms:RetireGrant')]);
  const cases: [string, KmsCallerContext, object, boolean][] = [
    ['the retiring principal', retiring, encrypts, true],
    ['a grantee with RetireGrant', grantee, retires, true],
    ['a grantee without it', grantee, encrypts, false],
    ['the root of the account that issued it', root(), encrypts, true],
    ['another account’s root', root(OTHER_ACCOUNT), encrypts, false],
    ['a stranger', stranger, retires, false],
    ['whom a policy allows it', allowed, encrypts, true],
    ['whom a policy allows something else', user([statement('Allow', 'kms:RevokeGrant')]), encrypts, false],
    ['the retiring principal, denied by its policy', denied, encrypts, false],
    ['anonymous', who({ kind: 'anonymous', accountId: '', arn: '' }), retires, false],
  ];

  test.each(cases)('by %s', async (_, from, given, may) => {
    for (const by of ['token', 'id'] as const) {
      const { ask, createKey } = makeKms();
      const { Arn } = await createKey();
      const { GrantId, GrantToken } = (await ask('CreateGrant', { KeyId: Arn, ...given })).json;
      const input = by === 'token' ? { GrantToken } : { KeyId: Arn, GrantId };
      const dry = await ask('RetireGrant', { ...input, DryRun: true }, from);
      expect(dry.json.__type).toBe(may ? 'DryRunOperationException' : 'AccessDeniedException');
      expect((await ask('RetireGrant', input, from)).json.__type ?? '').toBe(may ? '' : 'AccessDeniedException');
      expect((await ask('ListGrants', { KeyId: Arn })).json.Grants).toHaveLength(may ? 0 : 1);
    }
  });

  test('a grant with RetireGrant is none for the grants of others', async () => {
    const { ask, createKey } = makeKms();
    const { Arn } = await createKey();
    await ask('CreateGrant', { KeyId: Arn, ...retires });
    const GranteePrincipal = stranger.caller.arn;
    const other = (await ask('CreateGrant', { KeyId: Arn, ...encrypts, GranteePrincipal })).json;
    for (const input of [{ GrantToken: other.GrantToken }, { KeyId: Arn, GrantId: other.GrantId }]) {
      expect((await ask('RetireGrant', input, grantee)).json.__type).toBe('AccessDeniedException');
    }
  });

  test('a denial of the key’s policy binds the retiring principal and the root, by its aliases too', async () => {
    const { ask, createKey, meta } = makeKms();
    const { KeyId, Arn } = await createKey();
    await ask('CreateAlias', { AliasName: 'alias/kept', TargetKeyId: KeyId });
    const { GrantToken } = (await ask('CreateGrant', { KeyId, ...encrypts })).json;
    const Condition = { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': 'alias/kept' } };
    const policy = JSON.parse(defaultPolicy(ACCOUNT, REGION)) as { Statement: object[] };
    policy.Statement.push({ ...statement('Deny', 'kms:RetireGrant'), Principal: '*', Condition });
    expect((await ask('PutKeyPolicy', { KeyId, Policy: JSON.stringify(policy) })).status).toBe(200);
    for (const from of [retiring, root()]) {
      // A service that has just started has read no alias yet.
      const { json } = await makeKms(meta).ask('RetireGrant', { GrantToken }, from);
      expect(json.__type).toBe('AccessDeniedException');
    }
    expect((await ask('ListGrants', { KeyId: Arn })).json.Grants).toHaveLength(1);
  });
});

describe('lists', () => {
  test('ListGrants filters by grantee and id, and pages lead through all once', async () => {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey();
    const ids: Record<string, string[]> = { bob: [], carol: [] };
    for (let i = 0; i < 12; i++) {
      const name = i % 3 === 0 ? 'bob' : 'carol';
      const given = { KeyId, GranteePrincipal: named(name).caller.arn, Operations: ['Encrypt'] };
      ids[name]!.push((await ask('CreateGrant', given)).json.GrantId);
    }
    const list = async (members: object) => {
      const seen: string[] = [];
      for (let Marker: string | undefined, pages = 0; pages < 20; pages++) {
        const { json } = await ask('ListGrants', { KeyId, Limit: 2, Marker, ...members });
        seen.push(...json.Grants.map((one: { GrantId: string }) => one.GrantId));
        if (!json.Truncated) return seen;
        Marker = json.NextMarker;
      }
      throw new Error('no end');
    };
    expect((await list({})).sort()).toEqual([...ids.bob!, ...ids.carol!].sort());
    expect((await list({ GranteePrincipal: named('bob').caller.arn })).sort()).toEqual([...ids.bob!].sort());
    expect(await list({ GrantId: ids.carol![0] })).toEqual([ids.carol![0]]);
    expect(await list({ GrantId: ids.carol![0], GranteePrincipal: named('bob').caller.arn })).toEqual([]);
  });

  test('ListRetirableGrants goes across keys, by its principal alone', async () => {
    const { ask, createKey } = makeKms();
    const RetiringPrincipal = named('retiring').caller.arn;
    const expected: string[] = [];
    const tokens: string[] = [];
    for (let i = 0; i < 5; i++) {
      const { KeyId } = await createKey();
      const given = { KeyId, GranteePrincipal: named('bob').caller.arn, Operations: ['Encrypt'] };
      const { json } = await ask('CreateGrant', { ...given, RetiringPrincipal });
      expected.push(json.GrantId);
      tokens.push(json.GrantToken);
      await ask('CreateGrant', { ...given, RetiringPrincipal: named('other').caller.arn });
      await ask('CreateGrant', given);
    }
    const list = async (from = root()) => {
      const seen: string[] = [];
      for (let Marker: string | undefined, pages = 0; pages < 20; pages++) {
        const { json } = await ask('ListRetirableGrants', { RetiringPrincipal, Limit: 2, Marker }, from);
        if (json.__type) return json.__type;
        seen.push(...json.Grants.map((one: { GrantId: string }) => one.GrantId));
        if (!json.Truncated) return seen.sort();
        Marker = json.NextMarker;
      }
    };
    expect(await list()).toEqual(expected.sort());
    expect(await list(named('stranger'))).toBe('AccessDeniedException');
    expect(await list(user([statement('Allow', 'kms:ListRetirableGrants')]))).toEqual(expected);
    await ask('RetireGrant', { GrantToken: tokens[0] });
    expect(await list()).toHaveLength(4);
  });
});
