import { describe, expect, test } from 'vitest';
import { GRANTS_PER_KEY_MAX } from '../../src/kms/grant-book.js';
import type { GrantRecord } from '../../src/kms/grant-record.js';
import { ACCOUNT, makeKms, OTHER_ACCOUNT, REGION, root, user, viaS3, who } from './harness.js';

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

describe('a constraint', () => {
  const from = (sourceArn?: string) => ({
    ...bob,
    requestContext: new Map(sourceArn === undefined ? [] : [['aws:sourcearn', [sourceArn]]]),
  });
  const [trail, other] = ['trail/one', 'trail/two'].map((name) => `arn:aws:cloudtrail:${REGION}:${ACCOUNT}:${name}`);

  test('that isn’t known makes no grant, also beside one that is', async () => {
    const { ask, KeyId, encrypt } = await makeGranted();
    for (const Constraints of [
      { SourceAccount: ACCOUNT },
      { sourceArn: trail },
      { EncryptionContextEquals: { a: 'b' }, EncryptionContextContains: { c: 'd' } },
    ]) {
      const grant = { KeyId, GranteePrincipal: bob.caller.arn, Operations: ['Encrypt'], Constraints };
      expect((await ask('CreateGrant', grant)).json.__type).toBe('ValidationException');
      const apart = { ...grant, Constraints: undefined, ...Constraints };
      expect((await ask('CreateGrant', apart)).json.__type).toBe('ValidationException');
    }
    expect(await encrypt()).toBe('AccessDeniedException');
    expect((await ask('ListGrants', { KeyId })).json.Grants).toEqual([]);
  });

  test('SourceArn binds all operations but RetireGrant, whatever the key', async () => {
    const { ask, createKey } = makeKms();
    const Constraints = { SourceArn: trail };
    const signing = { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' };
    const message = { Message: PLAINTEXT, SigningAlgorithm: 'ECDSA_SHA_256' };
    for (const [create, action, more] of [
      [{}, 'Encrypt', { Plaintext: PLAINTEXT }],
      [{}, 'DescribeKey', {}],
      [{}, 'CreateGrant', { GranteePrincipal: carol.caller.arn, Operations: ['CreateGrant'], Constraints }],
      [signing, 'Sign', message],
      [signing, 'GetPublicKey', {}],
    ] as const) {
      const { KeyId } = await createKey(create);
      const Operations = [action, 'RetireGrant'];
      const asked = { KeyId, GranteePrincipal: bob.caller.arn, Operations, Constraints };
      const { GrantId } = (await ask('CreateGrant', asked)).json;
      expect((await ask('ListGrants', { KeyId })).json.Grants[0].Constraints).toEqual(Constraints);
      for (const [who, type] of [
        [from(trail), undefined],
        [from(other), 'AccessDeniedException'],
        [from(), 'AccessDeniedException'],
        [bob, 'AccessDeniedException'],
      ] as const) {
        expect([action, (await ask(action, { KeyId, ...more }, who)).json.__type]).toEqual([action, type]);
      }
      expect((await ask('RetireGrant', { KeyId, GrantId }, bob)).status).toBe(200);
    }
  });

  test('SourceArn has to be an ARN with an account', async () => {
    const { ask, KeyId } = await makeGranted();
    for (const SourceArn of ['arn:aws:s3:::a-bucket-of-mine', 'x', '', ['a'], `arn:aws:s3::${ACCOUNT}:`]) {
      const grant = { KeyId, GranteePrincipal: bob.caller.arn, Operations: ['Encrypt'], Constraints: { SourceArn } };
      expect((await ask('CreateGrant', grant)).json.__type).toMatch(/ValidationException|SerializationException/);
    }
  });

  test('on a context takes keys in any case, and values as they are', async () => {
    for (const Constraint of ['EncryptionContextEquals', 'EncryptionContextSubset']) {
      const { grant, encrypt } = await makeGranted();
      await grant({ Constraints: { [Constraint]: { Tenant: 'Blue', stage: 'prod' } } });
      const may = async (context: object) => (await encrypt(bob, context)) === '';
      expect(await may({ tenant: 'Blue', STAGE: 'prod' })).toBe(true);
      expect(await may({ Tenant: 'Blue', stage: 'prod' })).toBe(true);
      expect(await may({ tenant: 'blue', STAGE: 'prod' })).toBe(false);
      expect(await may({ tenant: 'Blue' })).toBe(false);
      expect(await may({ tenant: 'Blue', stage: 'prod', more: '1' })).toBe(Constraint === 'EncryptionContextSubset');
      // Of two pairs that differ in case alone one is more than the constraint has.
      expect(await may({ tenant: 'Blue', TENANT: 'Red', stage: 'prod' })).toBe(
        Constraint === 'EncryptionContextSubset',
      );
      expect(await may({ tenant: 'Blue', TENANT: 'Blue' })).toBe(false);
    }
  });

  test('on a context is none for asymmetric keys; SourceArn is', async () => {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey({ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' });
    const grant = (Constraints: object) =>
      ask('CreateGrant', { KeyId, GranteePrincipal: bob.caller.arn, Operations: ['GenerateMac'], Constraints });
    expect((await grant({ SourceArn: trail, EncryptionContextSubset: { a: 'b' } })).json.__type).toBe(
      'ValidationException',
    );
    expect((await grant({ SourceArn: trail })).status).toBe(200);
  });
});

describe('a service as grantee', () => {
  const SERVICE = 'cloudtrail.amazonaws.com';
  const SourceArn = `arn:aws:cloudtrail:${REGION}:${ACCOUNT}:trail/one`;
  const asService = (arn: string, sourceArn = SourceArn) => ({
    ...who({ kind: 'service', arn, accountId: '' }),
    requestContext: new Map([['aws:sourcearn', [sourceArn]]]),
  });
  const service = {
    GranteePrincipal: undefined,
    GranteeServicePrincipal: SERVICE,
    RetiringPrincipal: carol.caller.arn,
  };

  test('needs a source and somebody who retires it, and stands alone', async () => {
    const { ask, KeyId } = await makeGranted();
    const asked = { KeyId, Operations: ['Encrypt'], ...service, Constraints: { SourceArn } };
    for (const wrong of [
      { Constraints: undefined },
      { Constraints: { EncryptionContextEquals: { a: 'b' } } },
      { RetiringPrincipal: undefined },
      { GranteePrincipal: bob.caller.arn },
      { RetiringServicePrincipal: SERVICE },
      { GranteeServicePrincipal: 'cloudtrail' },
      { GranteeServicePrincipal: undefined },
    ]) {
      expect([wrong, (await ask('CreateGrant', { ...asked, ...wrong })).json.__type]).toEqual([
        wrong,
        'ValidationException',
      ]);
    }
    expect((await ask('ListGrants', { KeyId })).json.Grants).toEqual([]);
  });

  test('may what it was granted on behalf of its source, and nobody else may', async () => {
    const { ask, KeyId, Arn, grant } = await makeGranted();
    await grant({
      ...service,
      RetiringPrincipal: undefined,
      RetiringServicePrincipal: SERVICE,
      Constraints: { SourceArn },
    });
    const encrypt = async (from: ReturnType<typeof asService>) =>
      (await ask('Encrypt', { KeyId: Arn, Plaintext: PLAINTEXT }, from)).json.__type;
    expect(await encrypt(asService(SERVICE))).toBeUndefined();
    expect(await encrypt(asService(SERVICE, `${SourceArn}2`))).toBe('AccessDeniedException');
    expect(await encrypt(asService('s3.amazonaws.com'))).toBe('AccessDeniedException');
    expect(await encrypt({ ...asService(SERVICE), caller: bob.caller })).toBe('AccessDeniedException');
    const [listed] = (await ask('ListGrants', { KeyId })).json.Grants;
    expect(listed).toMatchObject({ GranteeServicePrincipal: SERVICE, RetiringServicePrincipal: SERVICE });
    expect('GranteePrincipal' in listed || 'RetiringPrincipal' in listed).toBe(false);
  });

  test('is listed by itself alone, and retires what it may', async () => {
    const { ask, KeyId, Arn, grant } = await makeGranted();
    const { GrantToken } = await grant({
      ...service,
      ...{ RetiringPrincipal: undefined, RetiringServicePrincipal: SERVICE, Constraints: { SourceArn } },
      Operations: ['Encrypt'],
    });
    for (const from of [root(), bob]) {
      const filtered = await ask('ListGrants', { KeyId, GranteeServicePrincipal: SERVICE }, from);
      const retirable = await ask('ListRetirableGrants', { RetiringServicePrincipal: SERVICE }, from);
      expect([filtered.json.__type, retirable.json.__type]).toEqual(Array(2).fill('AccessDeniedException'));
    }
    const both = { RetiringServicePrincipal: SERVICE, RetiringPrincipal: bob.caller.arn };
    for (const input of [both, {}]) {
      expect((await ask('ListRetirableGrants', input)).json.__type).toBe('ValidationException');
    }
    expect((await ask('RetireGrant', { GrantToken }, asService('s3.amazonaws.com'))).status).toBe(400);
    expect((await ask('RetireGrant', { GrantToken }, asService(SERVICE))).status).toBe(200);
    expect((await ask('ListGrants', { KeyId: Arn })).json.Grants).toEqual([]);
  });

  test('under one name is made once; a user of the same name would be another', async () => {
    const { ask, KeyId, grant } = await makeGranted();
    const same = { ...service, Constraints: { SourceArn }, Name: 'one' };
    const [first, second] = [await grant(same), await grant(same)];
    expect(second.GrantId).toBe(first.GrantId);
    await grant({ ...same, GranteePrincipal: SERVICE, GranteeServicePrincipal: undefined });
    await grant({ ...same, Constraints: { SourceArn: `${SourceArn}2` } });
    expect((await ask('ListGrants', { KeyId })).json.Grants).toHaveLength(3);
  });
});

test('ListKeys by owner: nobody shares keys here', async () => {
  const { ask, createKey } = makeKms();
  const { KeyId } = await createKey();
  const list = async (ResourceOwners?: unknown) => (await ask('ListKeys', { ResourceOwners })).json;
  for (const owners of [undefined, ['SELF'], ['SELF', 'OTHER_ACCOUNTS_VIA_RAM'], ['OTHER_ACCOUNTS_VIA_RAM', 'SELF']]) {
    expect((await list(owners)).Keys.map((key: { KeyId: string }) => key.KeyId)).toEqual([KeyId]);
  }
  expect(await list(['OTHER_ACCOUNTS_VIA_RAM'])).toEqual({ Keys: [], Truncated: false });
  for (const wrong of [[], ['self'], ['ALL'], ['SELF', 'SELF', 'SELF']]) {
    expect((await list(wrong)).__type).toBe('ValidationException');
  }
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
