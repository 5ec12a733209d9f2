import { expect, test } from 'vitest';
import { makeKms, OTHER_ACCOUNT, root, who } from './harness.js';

const bob = who({ kind: 'user', arn: 'arn:aws:iam::111111111111:user/bob', userName: 'bob' });

async function makeGrants() {
  const service = makeKms();
  const { Arn, KeyId } = await service.createKey();
  const asked = {
    KeyId: Arn,
    GranteePrincipal: bob.caller.arn,
    Operations: ['Encrypt'],
    RetiringPrincipal: bob.caller.arn,
  };
  const grant = async (Name?: string) => (await service.ask('CreateGrant', { ...asked, Name })).json;
  const retire = async (GrantToken: string, from = bob) =>
    (await service.ask('RetireGrant', { GrantToken }, from)).json.__type ?? '';
  return { ...service, Arn, KeyId, grant, retire };
}

const textOf = (token: string) => Buffer.from(token, 'base64').toString('latin1');
const tokenOf = (text: string) => Buffer.from(text, 'latin1').toString('base64');

test('CreateGrant that is repeated under its name answers the same grant with another token; each of them retires it', async () => {
  const { grant, retire, ask, Arn } = await makeGrants();
  for (const used of [0, 1, 2]) {
    const made = [await grant('one'), await grant('one'), await grant('one')];
    expect(new Set(made.map((one) => one.GrantId)).size).toBe(1);
    expect(new Set(made.map((one) => one.GrantToken)).size).toBe(3);
    const encrypted = { KeyId: Arn, Plaintext: 'AAAA', GrantTokens: made.map((one) => one.GrantToken) };
    expect((await ask('Encrypt', encrypted, bob)).status).toBe(200);
    expect(await retire(made[used].GrantToken)).toBe('');
    for (const { GrantToken } of made) expect(await retire(GrantToken)).toBe('InvalidGrantTokenException');
  }
});

test('a token proves its own grant and no other, and nothing of it can be changed', async () => {
  const { grant, retire } = await makeGrants();
  const [one, other] = [await grant(), await grant()];
  const parts = textOf(one.GrantToken).split('/');
  const others = textOf(other.GrantToken).split('/');
  expect(parts).toHaveLength(others.length);
  let changed = 0;
  for (const [i, part] of parts.entries()) {
    if (part === others[i]) continue;
    const forged = tokenOf(parts.with(i, others[i]!).join('/'));
    expect(await retire(forged), String(i)).toBe('InvalidGrantTokenException');
    changed++;
  }
  expect(changed).toBeGreaterThanOrEqual(3);
  expect([await retire(one.GrantToken), await retire(other.GrantToken)]).toEqual(['', '']);
});

test('a forged token tells nobody whether another account has such a key', async () => {
  const { grant, ask, KeyId } = await makeGrants();
  const [account, , ...rest] = textOf((await grant()).GrantToken).split('/');
  const stranger = root(OTHER_ACCOUNT);
  const answers = [KeyId, '11111111-2222-4333-8444-555555555555'].map((keyId) =>
    ask('RetireGrant', { GrantToken: tokenOf([account, keyId, 'a'.repeat(64), ...rest.slice(1)].join('/')) }, stranger),
  );
  const [there, absent] = await Promise.all(answers);
  expect(there).toEqual(absent);
  expect(there!.json.__type).toBe('InvalidGrantTokenException');
});
