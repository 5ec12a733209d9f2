import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.js';
import { ConfigError } from '../../src/base/config-error.js';
import { Secret } from '../../src/base/secret.js';
import type { KeyImpact, KmsCallerContext } from '../../src/encryption/ports.js';
import { openKms } from '../../src/kms/open.js';
import { RootSealer } from '../../src/seal/record-sealer.js';
import { RootKey } from '../../src/seal/root-key.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import { ACCOUNT, DAY_MS, makeKms, OTHER_REGION, root, user } from './harness.js';
import { MemoryAudit } from './memory-audit.js';
import { importInto } from './recorded/wrapped.js';
import { rowsNaming } from './support/doomed.js';

const [HOME, EU, AP] = ['us-east-1', 'eu-west-1', 'ap-southeast-1'];
const PLAINTEXT = Buffer.from('a secret').toString('base64');
const GRANTEE = `arn:aws:iam::${ACCOUNT}:user/bob`;

let directory: string;
let meta: MemoryMetaStore;
let clock: ManualClock;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coffer-regions-'));
  meta = new MemoryMetaStore();
  const commit = meta.commit.bind(meta);
  meta.commit = (asked) => {
    // What of both would hold isn't said.
    const rows = [...(asked.puts ?? []).map((one) => one.key), ...(asked.dels ?? [])].map((key) =>
      Buffer.from(key).toString('latin1'),
    );
    expect(new Set(rows).size).toBe(rows.length);
    return commit(asked);
  };
  clock = new ManualClock(Date.UTC(2026, 0, 1));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function start(regions: string[] = [EU!, AP!], region = HOME!) {
  const rootKey = new RootKey(new Secret(Buffer.alloc(32, 7)));
  const audit = new MemoryAudit(meta);
  const impact: KeyImpact = { of: async () => ({ objects: 5, bytes: 50, buckets: [] }) };
  const opened = await openKms({
    meta,
    sealer: new RootSealer(rootKey),
    rootKey,
    keyStoreFile: join(directory, 'key-store'),
    audit,
    principals: { exists: () => undefined, accountIds: () => [ACCOUNT] },
    clock,
    region,
    regions,
    dayMs: DAY_MS,
    impact,
    xks: { timeoutMs: 250 },
    onTrouble: (error) => {
      throw error;
    },
  });
  await opened.recover();
  const asked =
    (where: string) =>
    async (action: string, input: object = {}, who: KmsCallerContext = root()) => {
      const service = opened.byRegion.get(where)!;
      const answer = await service.dispatch(`TrentService.${action}`, Buffer.from(JSON.stringify(input)), who);
      // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
      return answer.json as any;
    };
  const [here, eu, ap] = [asked(HOME!), asked(EU!), asked(AP!)];
  return { ...opened, audit, here, eu, ap };
}
type Service = Awaited<ReturnType<typeof start>>;
type Ask = Service['here'];

async function replicated({ here }: Service, ...where: string[]): Promise<string> {
  const { KeyId } = (await here('CreateKey', { MultiRegion: true })).KeyMetadata;
  for (const ReplicaRegion of where) {
    expect((await here('ReplicateKey', { KeyId, ReplicaRegion })).__type).toBeUndefined();
  }
  return KeyId;
}
const encrypt = async (ask: Ask, KeyId: string) =>
  (await ask('Encrypt', { KeyId, Plaintext: PLAINTEXT })).CiphertextBlob;
const decrypt = async (ask: Ask, CiphertextBlob: string) => {
  const { Plaintext, __type } = await ask('Decrypt', { CiphertextBlob });
  return Plaintext ?? __type;
};
const stateOf = async (ask: Ask, KeyId: string) => (await ask('DescribeKey', { KeyId })).KeyMetadata?.KeyState;
const materialsOf = async (ask: Ask, KeyId: string): Promise<string[]> =>
  (await ask('ListKeyRotations', { KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' })).Rotations.map(
    (one: { KeyMaterialId: string }) => one.KeyMaterialId,
  );

describe('regions', () => {
  test('have keys, aliases and grants of their own, under the same names', async () => {
    const { here, eu } = await start();
    const [one, two] = [(await here('CreateKey')).KeyMetadata, (await eu('CreateKey')).KeyMetadata];
    expect(two.Arn).toBe(`arn:aws:kms:${EU}:${ACCOUNT}:key/${two.KeyId}`);
    const keyIds = async (ask: Ask) => (await ask('ListKeys')).Keys.map((key: { KeyId: string }) => key.KeyId);
    expect([await keyIds(here), await keyIds(eu)]).toEqual([[one.KeyId], [two.KeyId]]);
    for (const KeyId of [one.KeyId, one.Arn])
      expect((await eu('DescribeKey', { KeyId })).__type).toBe('NotFoundException');
    for (const [ask, TargetKeyId] of [
      [here, one.KeyId],
      [eu, two.KeyId],
    ] as const) {
      await ask('CreateAlias', { AliasName: 'alias/same', TargetKeyId });
      await ask('CreateGrant', {
        KeyId: TargetKeyId,
        GranteePrincipal: GRANTEE,
        RetiringPrincipal: GRANTEE,
        Operations: ['Encrypt'],
      });
      const described = await ask('DescribeKey', { KeyId: 'alias/same' });
      expect(described.KeyMetadata.KeyId).toBe(TargetKeyId);
      const { Aliases } = await ask('ListAliases');
      expect(Aliases).toHaveLength(1);
      const { Grants } = await ask('ListRetirableGrants', { RetiringPrincipal: GRANTEE });
      expect(Grants.map((grant: { KeyId: string }) => grant.KeyId)).toEqual([described.KeyMetadata.Arn]);
    }
    expect(await decrypt(eu, await encrypt(here, one.KeyId))).toBe('AccessDeniedException');
    const managed = await Promise.all([here, eu].map((ask) => ask('DescribeKey', { KeyId: 'alias/aws/s3' })));
    expect(managed[0].KeyMetadata.KeyId).not.toBe(managed[1].KeyMetadata.KeyId);
  });

  test('stay what they are across starts, and rows of before are those of COFFER_REGION', async () => {
    const { KeyId } = (await (await start([])).here('CreateKey')).KeyMetadata;
    const second = await start();
    expect(await stateOf(second.here, KeyId)).toBe('Enabled');
    const inEu = (await second.eu('CreateKey')).KeyMetadata.KeyId;
    const third = await start([EU!]);
    expect([await stateOf(third.here, KeyId), await stateOf(third.eu, inEu)]).toEqual(['Enabled', 'Enabled']);
    await expect(start([HOME!], EU!)).rejects.toThrow(ConfigError);
  });

  test('that are served no more keep the waiting periods of their keys', async () => {
    const { eu } = await start();
    const { KeyId } = (await eu('CreateKey')).KeyMetadata;
    await eu('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 });
    clock.advance(8 * DAY_MS);
    await start([]);
    expect(await rowsNaming(meta, KeyId)).toEqual([]);
  });

  test('are known to conditions', async () => {
    const { eu } = await start();
    const allow = (region: string) =>
      user([
        { Effect: 'Allow', Action: '*', Resource: '*', Condition: { StringEquals: { 'aws:RequestedRegion': region } } },
      ]);
    expect((await eu('CreateKey', {}, allow(HOME!))).__type).toBe('AccessDeniedException');
    expect((await eu('CreateKey', {}, allow(EU!))).KeyMetadata.Arn).toContain(EU);
  });
});

describe('a multi-Region key', () => {
  test('has the same id and material in each region: what one encrypts the other decrypts', async () => {
    const service = await start();
    const { here, eu, ap } = service;
    const KeyId = await replicated(service, EU!, AP!);
    expect(await decrypt(eu, await encrypt(here, KeyId))).toBe(PLAINTEXT);
    expect(await decrypt(here, await encrypt(ap, KeyId))).toBe(PLAINTEXT);
    const arn = (region: string) => ({ Arn: `arn:aws:kms:${region}:${ACCOUNT}:key/${KeyId}`, Region: region });
    const { KeyMetadata } = await ap('DescribeKey', { KeyId });
    expect(KeyMetadata.MultiRegionConfiguration).toEqual({
      MultiRegionKeyType: 'REPLICA',
      PrimaryKey: arn(HOME!),
      ReplicaKeys: [arn(EU!), arn(AP!)],
    });
    const again = await start();
    expect(await decrypt(again.eu, await encrypt(again.here, KeyId))).toBe(PLAINTEXT);
  });

  test('signs, makes MACs and decapsulates alike in each region', async () => {
    const { here, eu } = await start();
    const pair = { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY', MultiRegion: true };
    const { KeyId } = (await here('CreateKey', pair)).KeyMetadata;
    await here('ReplicateKey', { KeyId, ReplicaRegion: EU });
    const asked = { KeyId, Message: PLAINTEXT, SigningAlgorithm: 'ECDSA_SHA_256' };
    const { Signature } = await here('Sign', asked);
    expect((await eu('Verify', { ...asked, Signature })).SignatureValid).toBe(true);
    expect((await eu('GetPublicKey', { KeyId })).PublicKey).toBe((await here('GetPublicKey', { KeyId })).PublicKey);
  });

  test('has policy, description, tags, aliases, grants, state and last use of its own in each region', async () => {
    const service = await start();
    const { here, eu } = service;
    const { KeyId } = (await here('CreateKey', { MultiRegion: true, Description: 'primary' })).KeyMetadata;
    const Tags = [{ TagKey: 'a', TagValue: 'b' }];
    const made = await here('ReplicateKey', { KeyId, ReplicaRegion: EU, Description: 'replica', Tags });
    expect(made).toMatchObject({
      ReplicaTags: Tags,
      ReplicaKeyMetadata: { Description: 'replica', KeyState: 'Creating' },
    });
    expect((await here('ListResourceTags', { KeyId })).Tags).toEqual([]);
    expect((await eu('ListResourceTags', { KeyId })).Tags).toEqual(Tags);
    await eu('CreateGrant', { KeyId, GranteePrincipal: GRANTEE, Operations: ['Encrypt'] });
    expect((await here('ListGrants', { KeyId })).Grants).toEqual([]);
    await eu('DisableKey', { KeyId });
    expect([await stateOf(here, KeyId), await stateOf(eu, KeyId)]).toEqual(['Enabled', 'Disabled']);
    await encrypt(here, KeyId);
    expect((await eu('GetKeyLastUsage', { KeyId })).KeyLastUsage).toEqual({});
    expect((await here('GetKeyLastUsage', { KeyId })).KeyLastUsage.Operation).toBe('Encrypt');
    const bob = { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: 'kms:*', Resource: '*' };
    const Policy = JSON.stringify({ Version: '2012-10-17', Id: 'eu', Statement: [bob] });
    await eu('PutKeyPolicy', { KeyId, Policy });
    expect((await here('GetKeyPolicy', { KeyId })).Policy).not.toContain('"eu"');
  });

  test('is replicated once a region, into a region that is served, by who may create keys there', async () => {
    const service = await start();
    const { here, eu } = service;
    const KeyId = await replicated(service, EU!);
    const refused = async (input: object, who = root()) =>
      (await here('ReplicateKey', { KeyId, ...input }, who)).__type;
    expect(await refused({ ReplicaRegion: EU })).toBe('AlreadyExistsException');
    expect(await refused({ ReplicaRegion: HOME })).toBe('AlreadyExistsException');
    expect(await refused({ ReplicaRegion: 'eu-north-1' })).toBe('ValidationException');
    expect(await refused({ ReplicaRegion: 'nowhere' })).toBe('ValidationException');
    const may = (...Action: string[]) => user([{ Effect: 'Allow', Action, Resource: '*' }]);
    expect(await refused({ ReplicaRegion: AP }, may('kms:ReplicateKey'))).toBe('AccessDeniedException');
    expect(await refused({ ReplicaRegion: AP }, may('kms:CreateKey'))).toBe('AccessDeniedException');
    expect(await refused({ ReplicaRegion: AP }, may('kms:CreateKey', 'kms:ReplicateKey'))).toBeUndefined();
    const single = (await here('CreateKey')).KeyMetadata.KeyId;
    expect((await here('ReplicateKey', { KeyId: single, ReplicaRegion: EU })).__type).toBe(
      'UnsupportedOperationException',
    );
    await here('DisableKey', { KeyId });
    expect(await refused({ ReplicaRegion: AP })).toBe('DisabledException');
    expect(await stateOf(eu, KeyId)).toBe('Enabled');
  });

  test('may be told apart by conditions', async () => {
    const service = await start();
    const { here } = service;
    const onlyFor = (key: string, value: string) =>
      user([{ Effect: 'Allow', Action: '*', Resource: '*', Condition: { StringEquals: { [key]: value } } }]);
    const codes: (string | undefined)[] = [];
    for (const type of ['REPLICA', 'PRIMARY']) {
      codes.push((await here('CreateKey', { MultiRegion: true }, onlyFor('kms:MultiRegionKeyType', type))).__type);
    }
    codes.push((await here('CreateKey', {}, onlyFor('kms:MultiRegionKeyType', 'PRIMARY'))).__type);
    expect(codes).toEqual(['AccessDeniedException', undefined, 'AccessDeniedException']);
    const both = await replicated(service, EU!);
    const create = { Effect: 'Allow', Action: 'kms:CreateKey', Resource: '*' };
    const into = (Action: string, key: string, value: string) =>
      user([create, { Effect: 'Allow', Action, Resource: '*', Condition: { StringEquals: { [key]: value } } }]);
    for (const [region, code] of [
      [EU, 'AccessDeniedException'],
      [AP, undefined],
    ] as const) {
      const replicate = into('kms:ReplicateKey', 'kms:ReplicaRegion', region!);
      expect((await here('ReplicateKey', { KeyId: both, ReplicaRegion: AP }, replicate)).__type).toBe(code);
    }
    for (const [region, code] of [
      [AP, 'AccessDeniedException'],
      [EU, undefined],
    ] as const) {
      const update = into('kms:UpdatePrimaryRegion', 'kms:PrimaryRegion', region!);
      expect((await here('UpdatePrimaryRegion', { KeyId: both, PrimaryRegion: EU }, update)).__type).toBe(code);
    }
    const KeyId = await replicated(service, EU!);
    const Condition = { StringEquals: { 'kms:MultiRegionKeyType': 'REPLICA' }, Bool: { 'kms:MultiRegion': 'true' } };
    const who = user([{ Effect: 'Allow', Action: '*', Resource: '*', Condition }]);
    expect((await service.eu('DescribeKey', { KeyId }, who)).KeyMetadata.KeyId).toBe(KeyId);
    expect((await service.here('DescribeKey', { KeyId }, who)).__type).toBe('AccessDeniedException');
  });

  test('rotates by its primary, in all regions at once', async () => {
    const service = await start();
    const { here, eu, keep } = service;
    const KeyId = await replicated(service, EU!);
    for (const action of ['EnableKeyRotation', 'DisableKeyRotation', 'RotateKeyOnDemand']) {
      expect((await eu(action, { KeyId })).__type, action).toBe('UnsupportedOperationException');
    }
    const before = await encrypt(eu, KeyId);
    await here('RotateKeyOnDemand', { KeyId });
    expect(await materialsOf(eu, KeyId)).toEqual(await materialsOf(here, KeyId));
    expect(await materialsOf(eu, KeyId)).toHaveLength(2);
    expect(await decrypt(here, await encrypt(eu, KeyId))).toBe(PLAINTEXT);
    expect(await decrypt(here, before)).toBe(PLAINTEXT);
    await here('EnableKeyRotation', { KeyId, RotationPeriodInDays: 90 });
    expect(await eu('GetKeyRotationStatus', { KeyId })).toMatchObject({
      KeyRotationEnabled: true,
      RotationPeriodInDays: 90,
    });
    clock.advance(91 * DAY_MS);
    await keep();
    expect(await materialsOf(eu, KeyId)).toEqual(await materialsOf(here, KeyId));
    expect(await materialsOf(here, KeyId)).toHaveLength(3);
    // A replica that comes later has all of it.
    await here('ReplicateKey', { KeyId, ReplicaRegion: AP });
    expect(await decrypt(service.ap, before)).toBe(PLAINTEXT);
    await here('DisableKeyRotation', { KeyId });
    expect((await eu('GetKeyRotationStatus', { KeyId })).KeyRotationEnabled).toBe(false);
  });

  test('changes its primary, and with it whose schedule it is', async () => {
    const service = await start();
    const { here, eu, ap, keep } = service;
    const KeyId = await replicated(service, EU!, AP!);
    await here('EnableKeyRotation', { KeyId, RotationPeriodInDays: 90 });
    expect((await eu('UpdatePrimaryRegion', { KeyId, PrimaryRegion: AP })).__type).toBe(
      'UnsupportedOperationException',
    );
    expect((await here('UpdatePrimaryRegion', { KeyId, PrimaryRegion: 'eu-north-1' })).__type).toBe(
      'ValidationException',
    );
    const only = (region: string) =>
      user([{ Effect: 'Allow', Action: '*', Resource: `arn:aws:kms:${region}:${ACCOUNT}:key/*` }]);
    for (const region of [HOME!, EU!]) {
      const { __type } = await here('UpdatePrimaryRegion', { KeyId, PrimaryRegion: EU }, only(region));
      expect(__type).toBe('AccessDeniedException');
    }
    expect(await here('UpdatePrimaryRegion', { KeyId, PrimaryRegion: EU })).toEqual({});
    for (const ask of [here, eu, ap]) {
      const { PrimaryKey, ReplicaKeys } = (await ask('DescribeKey', { KeyId })).KeyMetadata.MultiRegionConfiguration;
      expect(PrimaryKey.Region).toBe(EU);
      expect(ReplicaKeys.map((one: { Region: string }) => one.Region)).toEqual([HOME, AP]);
    }
    expect((await here('RotateKeyOnDemand', { KeyId })).__type).toBe('UnsupportedOperationException');
    expect((await eu('RotateKeyOnDemand', { KeyId })).KeyId).toContain(EU);
    clock.advance(91 * DAY_MS);
    await keep();
    for (const ask of [here, eu, ap]) expect(await materialsOf(ask, KeyId)).toHaveLength(3);
    const rotations = service.audit.events.filter((one) => one.action === 'AutomaticRotation');
    expect(rotations.map((one) => one.keyArn)).toEqual([`arn:aws:kms:${EU}:${ACCOUNT}:key/${KeyId}`]);
  });

  test('leaves a region by itself; its primary waits for its replicas, and its material ends with the last', async () => {
    const service = await start();
    const { here, eu, ap, keep } = service;
    const KeyId = await replicated(service, EU!, AP!);
    await eu('CreateAlias', { AliasName: 'alias/eu', TargetKeyId: KeyId });
    const blob = await encrypt(here, KeyId);
    const other = (await here('CreateKey')).KeyMetadata.KeyId;
    const kept = await encrypt(here, other);
    const scheduled = await here('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 });
    expect(scheduled).toEqual({
      KeyId: `arn:aws:kms:${HOME}:${ACCOUNT}:key/${KeyId}`,
      KeyState: 'PendingReplicaDeletion',
      PendingWindowInDays: 7,
    });
    const { KeyMetadata } = await here('DescribeKey', { KeyId });
    expect(KeyMetadata).toMatchObject({ KeyState: 'PendingReplicaDeletion', PendingDeletionWindowInDays: 7 });
    expect(KeyMetadata.DeletionDate).toBeUndefined();
    expect(await decrypt(here, blob)).toBe('KMSInvalidStateException');
    clock.advance(400 * DAY_MS);
    await keep();
    expect([await stateOf(here, KeyId), await decrypt(eu, blob)]).toEqual(['PendingReplicaDeletion', PLAINTEXT]);

    expect((await eu('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 })).KeyState).toBe('PendingDeletion');
    clock.advance(8 * DAY_MS);
    await keep();
    expect(await stateOf(eu, KeyId)).toBeUndefined();
    expect((await eu('ListAliases')).Aliases).toEqual([]);
    expect([await stateOf(here, KeyId), await decrypt(ap, blob)]).toEqual(['PendingReplicaDeletion', PLAINTEXT]);
    const { ReplicaKeys } = (await ap('DescribeKey', { KeyId })).KeyMetadata.MultiRegionConfiguration;
    expect(ReplicaKeys.map((one: { Region: string }) => one.Region)).toEqual([AP]);

    await ap('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 });
    clock.advance(8 * DAY_MS);
    await keep();
    // Its own waiting period begins now.
    const last = (await here('DescribeKey', { KeyId })).KeyMetadata;
    expect(last).toMatchObject({ KeyState: 'PendingDeletion', DeletionDate: (clock.now() + 7 * DAY_MS) / 1000 });
    expect(last.PendingDeletionWindowInDays).toBeUndefined();
    expect((await rowsNaming(meta, KeyId)).length).toBeGreaterThan(0);
    clock.advance(8 * DAY_MS);
    await keep();
    expect(await rowsNaming(meta, KeyId)).toEqual([]);
    expect(await decrypt(here, kept)).toBe(PLAINTEXT);
    const destroyed = service.audit.events.filter((one) => one.action === 'DestroyKey').map((one) => one.keyArn);
    expect(destroyed).toEqual([EU, AP, HOME].map((region) => `arn:aws:kms:${region}:${ACCOUNT}:key/${KeyId}`));
  });

  test('comes back from its deletion disabled, and a replica that was deleted may be made anew', async () => {
    const service = await start();
    const { here, eu, keep } = service;
    const KeyId = await replicated(service, EU!);
    const blob = await encrypt(eu, KeyId);
    await here('ScheduleKeyDeletion', { KeyId });
    await here('CancelKeyDeletion', { KeyId });
    expect(await stateOf(here, KeyId)).toBe('Disabled');
    await here('EnableKey', { KeyId });
    await eu('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 });
    expect((await here('ReplicateKey', { KeyId, ReplicaRegion: EU })).__type).toBe('AlreadyExistsException');
    expect((await here('UpdatePrimaryRegion', { KeyId, PrimaryRegion: EU })).__type).toBe('KMSInvalidStateException');
    clock.advance(8 * DAY_MS);
    await keep();
    expect((await here('ReplicateKey', { KeyId, ReplicaRegion: EU })).__type).toBeUndefined();
    expect(await decrypt(eu, blob)).toBe(PLAINTEXT);
    expect((await here('ScheduleKeyDeletion', { KeyId })).KeyState).toBe('PendingReplicaDeletion');
  });

  test('has objects at stake in COFFER_REGION alone', async () => {
    const service = await start();
    const KeyId = await replicated(service, EU!);
    await service.eu('ScheduleKeyDeletion', { KeyId });
    await service.here('ScheduleKeyDeletion', { KeyId });
    const at = service.audit.events.filter((one) => one.action === 'ScheduleKeyDeletion');
    expect(at.map((one) => one.details?.ObjectsUnderKey)).toEqual([undefined, 5]);
  });

  test('whose material is imported is imported in each region, and rotates when all have it', async () => {
    const { here, eu } = await start();
    const { KeyId } = (await here('CreateKey', { MultiRegion: true, Origin: 'EXTERNAL' })).KeyMetadata;
    const asks =
      (ask: Ask) =>
      async (action: string, input: object = {}) => ({ status: 200, json: await ask(action, input) });
    const into = async (ask: Ask, material: Buffer, more: object = {}) =>
      (await importInto(asks(ask), KeyId, material, more)).json;
    const [first, second] = [randomBytes(32), randomBytes(32)];
    await into(here, first);
    await here('ReplicateKey', { KeyId, ReplicaRegion: EU });
    expect(await stateOf(eu, KeyId)).toBe('PendingImport');
    expect((await into(eu, second)).__type).toBe('IncorrectKeyMaterialException');
    expect((await into(eu, second, { ImportType: 'NEW_KEY_MATERIAL' })).__type).toBe('IncorrectKeyMaterialException');
    await into(eu, first);
    expect(await stateOf(eu, KeyId)).toBe('Enabled');
    expect(await decrypt(eu, await encrypt(here, KeyId))).toBe(PLAINTEXT);

    await into(here, second, { ImportType: 'NEW_KEY_MATERIAL' });
    const pending = async (ask: Ask) =>
      (await ask('ListKeyRotations', { KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' })).Rotations.at(-1)
        .KeyMaterialState;
    expect(await pending(here)).toBe('PENDING_MULTI_REGION_IMPORT_AND_ROTATION');
    expect((await here('RotateKeyOnDemand', { KeyId })).__type).toBe('KMSInvalidStateException');
    await into(eu, second);
    expect(await pending(here)).toBe('PENDING_ROTATION');
    await here('RotateKeyOnDemand', { KeyId });
    expect(await materialsOf(eu, KeyId)).toEqual(await materialsOf(here, KeyId));
    const blob = await encrypt(here, KeyId);
    expect(await decrypt(eu, blob)).toBe(PLAINTEXT);

    // Of a region it is deleted by itself.
    await eu('DeleteImportedKeyMaterial', { KeyId });
    expect([await stateOf(eu, KeyId), await stateOf(here, KeyId)]).toEqual(['PendingImport', 'Enabled']);
    expect(await decrypt(here, blob)).toBe(PLAINTEXT);
    await into(eu, second);
    expect(await decrypt(eu, blob)).toBe(PLAINTEXT);
  });

  test('is replicated or not, whatever happens to its primary meanwhile', async () => {
    const service = await start();
    const { here, eu, ap } = service;
    const KeyId = await replicated(service);
    const all = await Promise.all([
      here('ReplicateKey', { KeyId, ReplicaRegion: EU }),
      here('RotateKeyOnDemand', { KeyId }),
      here('ReplicateKey', { KeyId, ReplicaRegion: AP }),
      here('RotateKeyOnDemand', { KeyId }),
      here('ReplicateKey', { KeyId, ReplicaRegion: EU }),
    ]);
    expect(all.filter((one) => one.__type === 'AlreadyExistsException')).toHaveLength(1);
    const materials = await materialsOf(here, KeyId);
    expect(materials).toHaveLength(3);
    for (const ask of [eu, ap]) expect(await materialsOf(ask, KeyId)).toEqual(materials);
  });

  test('is whole in each region, also where it is replicated while the key-store key is replaced', async () => {
    const { ask, askElsewhere, createKey, regions, ring } = makeKms();
    const { KeyId } = await createKey({ MultiRegion: true });
    const blob = await encrypt(async (...asked) => (await ask(...asked)).json, KeyId);
    await ring.wraps.changeKeyStoreKey(async () => new Secret(randomBytes(32)));
    const there = regions.of(OTHER_REGION)!.ring;
    await there.rewrapAll();
    await ask('ReplicateKey', { KeyId, ReplicaRegion: OTHER_REGION });
    await ring.rewrapAll();
    ring.wraps.forgetPreviousKeyStoreKey();
    for (const one of [ring, there]) {
      const record = (await one.read(ACCOUNT, KeyId))!.record;
      expect(record.backingKeys.every((backing) => one.wraps.isCurrent(record, backing))).toBe(true);
    }
    expect((await askElsewhere('Decrypt', { CiphertextBlob: blob })).json.Plaintext).toBe(PLAINTEXT);
  });

  test('loses a replica wholly or not at all, wherever a crash cuts its destruction off', async () => {
    let crashes = 0;
    for (let at = 0; ; at++) {
      await rm(join(directory, 'key-store'), { force: true });
      meta = new MemoryMetaStore();
      const service = await start([EU!]);
      const KeyId = await replicated(service, EU!);
      await service.eu('CreateAlias', { AliasName: 'alias/eu', TargetKeyId: KeyId });
      const blob = await encrypt(service.here, KeyId);
      await service.eu('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 });
      await service.here('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 });
      clock.advance(8 * DAY_MS);
      const commit = meta.commit.bind(meta);
      let left = at;
      meta.commit = async (asked) => {
        if (left-- === 0) throw new Error('crash');
        return commit(asked);
      };
      const crashed = await service.keep().then(
        () => false,
        () => true,
      );
      meta.commit = commit;
      const again = await start([EU!]);
      expect(await stateOf(again.eu, KeyId)).toBeUndefined();
      const { KeyMetadata } = await again.here('DescribeKey', { KeyId });
      expect([at, KeyMetadata.KeyState, KeyMetadata.MultiRegionConfiguration.ReplicaKeys]).toEqual([
        at,
        'PendingDeletion',
        [],
      ]);
      expect((await rowsNaming(meta, KeyId)).filter((row) => row.includes(EU!))).toEqual([]);
      await again.here('CancelKeyDeletion', { KeyId });
      await again.here('EnableKey', { KeyId });
      expect(await decrypt(again.here, blob)).toBe(PLAINTEXT);
      if (!crashed) break;
      crashes++;
    }
    expect(crashes).toBeGreaterThan(3);
  });
});
