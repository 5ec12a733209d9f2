import { describe, expect, test } from 'vitest';
import { GRANTS_PER_KEY_MAX } from '../../src/kms/grant-book.js';
import type { GrantRecord } from '../../src/kms/grant-record.js';
import { ACCOUNT, makeKms, OTHER_ACCOUNT, root, user, viaS3, who } from './harness.js';

const PLAINTEXT = Buffer.from('a secret').toString('base64');
const allow = (Action: string | string[], Effect = 'Allow') => ({ Effect, Action, Resource: '*' });
const named = (userName: string, accountId = ACCOUNT) =>
  who({ kind: 'user', accountId, arn: `arn:aws:iam::${accountId}:user/${userName}`, userName });
const [bob, carol, stranger] = [named('bob'), named('carol'), named('stranger')];

async function makeGranted(more: object = {}) {
  const service = makeKms();
  const key = await service.createKey();
  const grant = async (members: object = {}, from = root()) => {
    const asked = { KeyId: key.Arn, GranteePrincipal: bob.caller.arn, Operations: ['Encrypt'], ...more, ...members };
    return (await service.ask('CreateGrant', asked, from)).json as { GrantId: string; GrantToken: string };
  };
  const encrypt = async (from = bob, context: object = {}) =>
    (await service.ask('Encrypt', { KeyId: key.Arn, Plaintext: PLAINTEXT, EncryptionContext: context }, from)).json
      .__type ?? '';
  return { ...service, ...key, grant, encrypt };
}

describe('a grant', () => {
  test('is enough for its grantee, for its operations, until it is revoked', async () => {
    const { ask, kms, Arn, grant, encrypt } = await makeGranted();
    expect(await encrypt()).toBe('AccessDeniedException');
    const { GrantId } = await grant({ Operations: ['Encrypt', 'GenerateDataKey'] });
    const asS3 = { action: 'kms:GenerateDataKey', keyId: Arn, context: {} } as const;
    expect(await encrypt()).toBe('');
    expect(await encrypt(carol)).toBe('AccessDeniedException');
    await kms.authorize(viaS3(bob), asS3);
    await kms.generateDataKey(viaS3(bob), { keyId: Arn, context: {} });
    expect((await ask('RevokeGrant', { KeyId: Arn, GrantId }, bob)).json.__type).toBe('AccessDeniedException');
    expect((await ask('RevokeGrant', { KeyId: Arn, GrantId })).status).toBe(200);
    const refusal = expect.objectContaining({ code: 'AccessDeniedException' });
    expect(await encrypt()).toBe('AccessDeniedException');
    await expect(kms.authorize(viaS3(bob), asS3)).rejects.toThrow(refusal);
    await expect(kms.generateDataKey(viaS3(bob), { keyId: Arn, context: {} })).rejects.toThrow(refusal);
    expect((await ask('RevokeGrant', { KeyId: Arn, GrantId })).json.__type).toBe('NotFoundException');
  });

  test('of a role counts in its sessions, and one of a session in that alone', async () => {
    const { grant, encrypt } = await makeGranted();
    const session = (name: string) => `arn:aws:sts::${ACCOUNT}:assumed-role/worker/${name}`;
    const worker = (sessionArn: string) =>
      who({ kind: 'role', arn: `arn:aws:iam::${ACCOUNT}:role/worker`, sessionArn });
    const { GrantId } = await grant({ GranteePrincipal: session('one') });
    expect(GrantId).toHaveLength(64);
    expect(await encrypt(worker(session('one')))).toBe('');
    expect(await encrypt(worker(session('two')))).toBe('AccessDeniedException');
    await grant({ GranteePrincipal: `arn:aws:iam::${ACCOUNT}:role/worker` });
    expect(await encrypt(worker(session('two')))).toBe('');
  });

  test('in another account needs that account’s identity policy too', async () => {
    const { grant, encrypt } = await makeGranted();
    const policy = [allow('kms:Encrypt')];
    const [bare, allowed] = [user([], OTHER_ACCOUNT), user(policy, OTHER_ACCOUNT)];
    expect(await encrypt(allowed)).toBe('AccessDeniedException');
    await grant({ GranteePrincipal: allowed.caller.arn });
    expect([await encrypt(bare), await encrypt(allowed)]).toEqual(['AccessDeniedException', '']);
    expect(await encrypt(user([...policy, allow('kms:Encrypt', 'Deny')], OTHER_ACCOUNT))).toBe('AccessDeniedException');
  });

  test('under one name is made once, however many ask at the same moment', async () => {
    const { ask, Arn, grant } = await makeGranted();
    const made = await Promise.all(Array.from({ length: 10 }, () => grant({ Name: 'retry' })));
    expect(new Set(made.map((one) => one.GrantId)).size).toBe(1);
    expect(new Set(made.map((one) => one.GrantToken)).size).toBe(10);
    expect((await ask('ListGrants', { KeyId: Arn })).json.Grants).toHaveLength(1);
    // One that is refused holds nobody up.
    const [refused, other] = await Promise.all([
      grant({ Name: 'next' }, stranger),
      grant({ Name: 'next', Operations: ['Decrypt'] }),
    ]);
    expect([refused.GrantId, typeof other.GrantId]).toEqual([undefined, 'string']);
  });

  test('under one name is made once; with anything else in it, it is another', async () => {
    const { grant, ask, Arn } = await makeGranted({ Name: 'job' });
    const first = await grant({ Operations: ['Encrypt', 'Decrypt'] });
    expect((await grant({ Operations: ['Decrypt', 'Encrypt'] })).GrantId).toBe(first.GrantId);
    const others = [
      { Operations: ['Encrypt'] },
      { Operations: ['Encrypt', 'Decrypt'], Name: 'other' },
      { Operations: ['Encrypt', 'Decrypt'], Name: undefined },
      { Operations: ['Encrypt', 'Decrypt'], GranteePrincipal: carol.caller.arn },
      { Operations: ['Encrypt', 'Decrypt'], RetiringPrincipal: carol.caller.arn },
      { Operations: ['Encrypt', 'Decrypt'], Constraints: { EncryptionContextSubset: {} } },
      { Operations: ['Encrypt', 'Decrypt'], Constraints: { EncryptionContextEquals: {} } },
    ];
    const ids = [first.GrantId];
    for (const other of others) ids.push((await grant(other)).GrantId);
    expect(new Set(ids).size).toBe(8);
    const listed = (await ask('ListGrants', { KeyId: Arn })).json.Grants as { GrantId: string }[];
    expect(listed.map((one) => one.GrantId).sort()).toEqual([...ids].sort());
  });

  test('number 50,001 of a key is refused', async () => {
    const { ring, grant, KeyId } = await makeGranted();
    const { byId } = await ring.grants.of(ACCOUNT, KeyId);
    for (let i = 0; i < GRANTS_PER_KEY_MAX; i++) byId.set(String(i), { grantId: String(i) } as GrantRecord);
    expect(GRANTS_PER_KEY_MAX).toBe(50_000);
    expect(await grant()).toMatchObject({ __type: 'LimitExceededException' });
    byId.delete('7');
    expect((await grant()).GrantId).toHaveLength(64);
  });
});

describe('a grant token', () => {
  const forged = (token: string, change: (parts: string[]) => void): string => {
    const parts = Buffer.from(token, 'base64').toString('latin1').split('/');
    change(parts);
    return Buffer.from(parts.join('/'), 'latin1').toString('base64');
  };

  test('retires its own grant; a wrong one, or one of another grant’s secret, none', async () => {
    const { grant, ask, createKey } = await makeGranted();
    const [one, two] = [await grant(), await grant()];
    const elsewhere = (await createKey()).KeyId;
    const secretOfTwo = Buffer.from(two.GrantToken, 'base64').toString('latin1').split('/').slice(3);
    const tokens: [string, string][] = [
      ['', 'ValidationException'],
      ['x', 'InvalidGrantTokenException'],
      [Buffer.from('a/b/c/d').toString('base64'), 'InvalidGrantTokenException'],
      [forged(one.GrantToken, (parts) => parts.splice(4, 1, '0'.repeat(64))), 'InvalidGrantTokenException'],
      [forged(one.GrantToken, (parts) => parts.splice(3, 9, ...secretOfTwo)), 'InvalidGrantTokenException'],
      [forged(one.GrantToken, (parts) => parts.splice(2, 1, 'ab'.repeat(32))), 'InvalidGrantTokenException'],
      [forged(one.GrantToken, (parts) => parts.splice(1, 1, elsewhere)), 'InvalidGrantTokenException'],
      [forged(one.GrantToken, (parts) => parts.splice(0, 1, OTHER_ACCOUNT)), 'InvalidGrantTokenException'],
    ];
    for (const [GrantToken, code] of tokens) {
      expect((await ask('RetireGrant', { GrantToken })).json.__type, GrantToken).toBe(code);
    }
    expect((await ask('RetireGrant', { GrantToken: one.GrantToken })).status).toBe(200);
    expect((await ask('RetireGrant', { GrantToken: one.GrantToken })).json.__type).toBe('InvalidGrantTokenException');
    expect((await ask('RetireGrant', { GrantToken: two.GrantToken })).status).toBe(200);
  });

  test('gives nobody anything in a request, and is refused there where it is none', async () => {
    const { grant, ask, Arn } = await makeGranted();
    const { GrantToken } = await grant();
    const use = async (from: typeof bob, tokens: unknown) =>
      (await ask('Encrypt', { KeyId: Arn, Plaintext: PLAINTEXT, GrantTokens: tokens }, from)).json.__type ?? '';
    expect(await use(bob, [GrantToken])).toBe('');
    expect(await use(stranger, [GrantToken])).toBe('AccessDeniedException');
    expect(await use(bob, ['malformed'])).toBe('InvalidGrantTokenException');
    expect(await use(bob, Array(11).fill(GrantToken))).toBe('ValidationException');
    expect(await use(bob, GrantToken)).toBe('SerializationException');
  });
});
