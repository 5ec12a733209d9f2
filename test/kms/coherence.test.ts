/** Two key services over one store, as two gateways are: what one changes decides the next request at the other. */
import { expect, test, vi } from 'vitest';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import { TestXksProxy, xksCredential } from '../support/xks-proxy.js';
import { ACCOUNT, DAY_MS, makeKms, OTHER_REGION, REGION, root, user } from './harness.js';
import { PATIENT } from './key-stores/support.js';

const PLAINTEXT = Buffer.from('some bytes').toString('base64');
const ROOT = `arn:aws:iam::${ACCOUNT}:root`;
const alice = user();

/** A key that both have used already, so that both remember what they may. */
async function gateways() {
  const meta = new MemoryMetaStore(true);
  const [one, other] = [makeKms(meta), makeKms(meta)];
  const { KeyId, Arn } = await one.createKey();
  const encrypt = async (gateway = other, who = root(), name = Arn): Promise<string> => {
    const { status, json } = await gateway.ask('Encrypt', { KeyId: name, Plaintext: PLAINTEXT }, who);
    return status === 200 ? json.KeyId : json.__type;
  };
  for (const gateway of [one, other]) expect(await encrypt(gateway)).toBe(Arn);
  return { meta, one, other, KeyId, Arn, encrypt };
}

const policy = (...statements: object[]): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { AWS: ROOT }, Action: 'kms:*', Resource: '*' }, ...statements],
  });

test('a key that is disabled, enabled, to be deleted or kept on one gateway is so on the other', async () => {
  const { one, other, KeyId, Arn, encrypt } = await gateways();
  const { CiphertextBlob } = (await one.ask('Encrypt', { KeyId, Plaintext: PLAINTEXT })).json;
  const decrypt = async () => (await other.ask('Decrypt', { CiphertextBlob })).json.__type ?? 'done';
  expect(await decrypt()).toBe('done');
  for (const [action, answer] of [
    ['DisableKey', 'DisabledException'],
    ['EnableKey', Arn],
    ['ScheduleKeyDeletion', 'KMSInvalidStateException'],
  ] as const) {
    expect((await one.ask(action, { KeyId })).status).toBe(200);
    expect(await encrypt()).toBe(answer);
    expect(await decrypt()).toBe(answer === Arn ? 'done' : answer);
  }
  expect((await other.ask('CancelKeyDeletion', { KeyId })).status).toBe(200);
  expect((await one.ask('EnableKey', { KeyId })).status).toBe(200);
  expect(await encrypt()).toBe(Arn);
});

test('a key whose waiting period ended is gone at the other, though that read it a moment ago', async () => {
  const { one, other, KeyId, encrypt } = await gateways();
  await one.ask('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 });
  for (const gateway of [one, other]) gateway.clock.advance(7 * DAY_MS);
  await one.ring.remove(
    (await one.ring.find(ACCOUNT, KeyId))!,
    () => true,
    (commit) => one.meta.commit(commit.build()),
    (primary) => primary,
  );
  expect(await encrypt()).toBe('NotFoundException');
});

test('a key policy that one gateway puts decides at the other, in both directions', async () => {
  const { one, other, KeyId, Arn, encrypt } = await gateways();
  expect(await encrypt(other, alice)).toBe('AccessDeniedException');
  const allow = { Effect: 'Allow', Principal: { AWS: alice.caller.arn }, Action: 'kms:Encrypt', Resource: '*' };
  for (let i = 0; i < 3; i++) {
    await one.ask('PutKeyPolicy', { KeyId, Policy: policy(allow) });
    expect(await encrypt(other, alice)).toBe(Arn);
    await other.ask('PutKeyPolicy', { KeyId, Policy: policy() });
    expect(await encrypt(one, alice)).toBe('AccessDeniedException');
  }
});

test('a right to change a key that was taken away on one gateway writes nothing on the other', async () => {
  const { one, other, KeyId } = await gateways();
  const admin = { Effect: 'Allow', Principal: { AWS: alice.caller.arn }, Action: 'kms:DisableKey', Resource: '*' };
  await one.ask('PutKeyPolicy', { KeyId, Policy: policy(admin) });
  const getMany = other.meta.getMany.bind(other.meta);
  let taken = false;
  vi.spyOn(other.meta, 'getMany').mockImplementation(async (keys) => {
    const rows = await getMany(keys);
    if (!taken) {
      taken = true;
      await one.ask('PutKeyPolicy', { KeyId, Policy: policy() });
    }
    return rows;
  });
  expect((await other.ask('DisableKey', { KeyId }, alice)).json.__type).toBe('AccessDeniedException');
  expect((await one.ask('DescribeKey', { KeyId })).json.KeyMetadata.KeyState).toBe('Enabled');
});

test('a grant that is made, retired or revoked on one gateway is so on the other', async () => {
  const { one, other, KeyId, Arn, encrypt } = await gateways();
  const grant = async (gateway = one) =>
    (
      await gateway.ask('CreateGrant', {
        KeyId: Arn,
        GranteePrincipal: alice.caller.arn,
        Operations: ['Encrypt', 'RetireGrant'],
      })
    ).json.GrantId as string;
  expect(await encrypt(other, alice)).toBe('AccessDeniedException');
  const first = await grant();
  expect(await encrypt(other, alice)).toBe(Arn);
  expect((await other.ask('RetireGrant', { KeyId: Arn, GrantId: first }, alice)).status).toBe(200);
  expect(await encrypt(one, alice)).toBe('AccessDeniedException');
  const [second, third] = [await grant(), await grant(other)];
  expect((await one.ask('RevokeGrant', { KeyId, GrantId: second })).status).toBe(200);
  expect(await encrypt(other, alice)).toBe(Arn);
  expect((await one.ask('RevokeGrant', { KeyId, GrantId: third })).status).toBe(200);
  expect(await encrypt(other, alice)).toBe('AccessDeniedException');
  expect((await other.ask('ListGrants', { KeyId: Arn })).json.Grants).toEqual([]);
});

test('grants are read again only when their generation is another, and then only those that are new', async () => {
  const { meta, one, other, Arn, encrypt } = await gateways();
  const grant = (gateway = one) =>
    gateway.ask('CreateGrant', { KeyId: Arn, GranteePrincipal: alice.caller.arn, Operations: ['Encrypt'] });
  for (let i = 0; i < 5; i++) await grant();
  expect(await encrypt(other, alice)).toBe(Arn);
  const [range, getMany] = [vi.spyOn(meta, 'range'), vi.spyOn(meta, 'getMany')];
  for (let i = 0; i < 10; i++) expect(await encrypt(other, alice)).toBe(Arn);
  expect(range).not.toHaveBeenCalled();
  // One round trip a request.
  expect(getMany).toHaveBeenCalledTimes(10);
  await grant();
  range.mockClear();
  getMany.mockClear();
  expect(await encrypt(other, alice)).toBe(Arn);
  expect(range.mock.calls.map(([query]) => query.keysOnly)).toEqual([true]);
  expect(getMany.mock.calls.map(([keys]) => keys.length)).toEqual([expect.any(Number), 1]);
});

test('under one name, attempts at two gateways at once make one grant', async () => {
  const { one, other, Arn } = await gateways();
  const make = (gateway: typeof one) =>
    gateway.ask('CreateGrant', {
      KeyId: Arn,
      GranteePrincipal: alice.caller.arn,
      Operations: ['Encrypt'],
      Name: 'the-one',
    });
  const made = await Promise.all([one, other, one, other].map(make));
  expect(made.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect(new Set(made.map(({ json }) => json.GrantId)).size).toBe(1);
  expect((await other.ask('ListGrants', { KeyId: Arn })).json.Grants).toHaveLength(1);
});

test('an alias that one gateway makes, moves or deletes is so at the other', async () => {
  const { one, other, Arn, encrypt } = await gateways();
  const second = await one.createKey();
  const alias = 'alias/moving';
  expect(await encrypt(other, root(), alias)).toBe('NotFoundException');
  await one.ask('CreateAlias', { AliasName: alias, TargetKeyId: Arn });
  expect(await encrypt(other, root(), alias)).toBe(Arn);
  await one.ask('UpdateAlias', { AliasName: alias, TargetKeyId: second.Arn });
  expect(await encrypt(other, root(), alias)).toBe(second.Arn);
  await one.ask('DeleteAlias', { AliasName: alias });
  expect(await encrypt(other, root(), alias)).toBe('NotFoundException');
});

test('kms:ResourceAliases sees the aliases of the other gateway, also where a key is about to be written', async () => {
  const { one, other, KeyId, Arn, encrypt } = await gateways();
  const deny = {
    Effect: 'Deny',
    Principal: { AWS: '*' },
    Action: ['kms:Encrypt', 'kms:DisableKey'],
    Resource: '*',
    Condition: { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': 'alias/closed' } },
  };
  await one.ask('PutKeyPolicy', { KeyId, Policy: policy(deny) });
  expect(await encrypt()).toBe(Arn);
  await one.ask('CreateAlias', { AliasName: 'alias/closed', TargetKeyId: KeyId });
  expect(await encrypt()).toBe('AccessDeniedException');
  expect((await other.ask('DisableKey', { KeyId })).json.__type).toBe('AccessDeniedException');
  await other.ask('DeleteAlias', { AliasName: 'alias/closed' });
  expect(await encrypt(one)).toBe(Arn);
});

test('aliases that are made at both gateways at once are no more than a key may have', async () => {
  const { one, other, KeyId } = await gateways();
  const made = await Promise.all(
    Array.from({ length: 60 }, (_, i) =>
      (i % 2 ? one : other).ask('CreateAlias', { AliasName: `alias/many-${i}`, TargetKeyId: KeyId }),
    ),
  );
  expect(made.filter(({ status }) => status === 200)).toHaveLength(50);
  expect(new Set(made.flatMap(({ json }) => json.__type ?? []))).toEqual(new Set(['LimitExceededException']));
});

test('an AWS-managed key that both make at once is one key', async () => {
  const meta = new MemoryMetaStore(true);
  const [one, other] = [makeKms(meta), makeKms(meta)];
  const made = await Promise.all([one, other].map(({ ask }) => ask('DescribeKey', { KeyId: 'alias/aws/s3' })));
  expect(made[0]!.json.KeyMetadata.Arn).toBe(made[1]!.json.KeyMetadata.Arn);
});

test('tags of a key that one gateway writes decide at the other', async () => {
  const { one, other, KeyId, Arn, encrypt } = await gateways();
  const byTag = {
    Effect: 'Deny',
    Principal: { AWS: '*' },
    Action: 'kms:Encrypt',
    Resource: '*',
    Condition: { StringEquals: { 'aws:ResourceTag/closed': 'yes' } },
  };
  await other.ask('PutKeyPolicy', { KeyId, Policy: policy(byTag) });
  await one.ask('TagResource', { KeyId, Tags: [{ TagKey: 'closed', TagValue: 'yes' }] });
  expect(await encrypt()).toBe('AccessDeniedException');
  await one.ask('UntagResource', { KeyId, TagKeys: ['closed'] });
  expect(await encrypt()).toBe(Arn);
});

test('a rotation at one gateway is what the other encrypts under, and both open the ciphertexts of before', async () => {
  const { one, other, KeyId } = await gateways();
  const encrypt = (gateway: typeof one) => gateway.ask('Encrypt', { KeyId, Plaintext: PLAINTEXT });
  const before = (await encrypt(other)).json.CiphertextBlob;
  await one.ask('RotateKeyOnDemand', { KeyId });
  const after = (await encrypt(other)).json.CiphertextBlob;
  const materialOf = async (gateway: typeof one, CiphertextBlob: string) =>
    (await gateway.ask('Decrypt', { CiphertextBlob })).json.KeyMaterialId;
  const [old, fresh] = [await materialOf(one, before), await materialOf(one, after)];
  expect(fresh).not.toBe(old);
  expect(await materialOf(other, before)).toBe(old);
});

test('a replica of a multi-Region key that one gateway makes is there at the other, and shares what the primary is given', async () => {
  const meta = new MemoryMetaStore(true);
  const [one, other] = [makeKms(meta), makeKms(meta)];
  const { KeyId } = await one.createKey({ MultiRegion: true });
  const there = async () => (await other.askElsewhere('DescribeKey', { KeyId })).json;
  expect((await there()).__type).toBe('NotFoundException');
  await one.ask('ReplicateKey', { KeyId, ReplicaRegion: OTHER_REGION });
  expect((await there()).KeyMetadata.MultiRegionConfiguration.PrimaryKey.Region).toBe(REGION);
  await other.ask('UpdatePrimaryRegion', { KeyId, PrimaryRegion: OTHER_REGION });
  expect((await there()).KeyMetadata.MultiRegionConfiguration.PrimaryKey.Region).toBe(OTHER_REGION);
  const here = (await one.ask('DescribeKey', { KeyId })).json.KeyMetadata;
  expect(here.MultiRegionConfiguration.MultiRegionKeyType).toBe('REPLICA');
});

test('a key store that one gateway connects, changes or disconnects is so at the other, whatever connections that has', async () => {
  const credential = xksCredential();
  const proxy = await TestXksProxy.start(credential);
  proxy.addKey('one');
  const meta = new MemoryMetaStore(true);
  const [one, other] = [makeKms(meta, { xks: PATIENT }), makeKms(meta, { xks: PATIENT })];
  try {
    const CustomKeyStoreId = (await one.ask('CreateCustomKeyStore', proxy.settings(credential, 'external'))).json
      .CustomKeyStoreId as string;
    const asked = { CustomKeyStoreId };
    const connect = async () => {
      expect((await one.ask('ConnectCustomKeyStore', asked)).status).toBe(200);
      await vi.waitFor(
        async () =>
          expect((await other.ask('DescribeCustomKeyStores', asked)).json.CustomKeyStores[0].ConnectionState).toBe(
            'CONNECTED',
          ),
        60_000,
      );
    };
    await connect();
    const key = { Origin: 'EXTERNAL_KEY_STORE', CustomKeyStoreId, XksKeyId: 'one' };
    const { KeyId } = (await other.ask('CreateKey', key)).json.KeyMetadata;
    const encrypt = async (gateway: typeof one) =>
      (await gateway.ask('Encrypt', { KeyId, Plaintext: PLAINTEXT })).json.__type ?? 'done';
    expect([await encrypt(one), await encrypt(other)]).toEqual(['done', 'done']);
    await one.ask('DisconnectCustomKeyStore', asked);
    expect(await encrypt(other)).toBe('KMSInvalidStateException');
    await connect();
    expect([await encrypt(other), await encrypt(one)]).toEqual(['done', 'done']);
    await other.ask('DisconnectCustomKeyStore', asked);
    expect(await encrypt(one)).toBe('KMSInvalidStateException');
  } finally {
    for (const { stores } of [one, other]) await stores.close();
    await proxy.close();
  }
});
