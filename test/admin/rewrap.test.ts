import { expect, test } from 'vitest';
import { objectsRewrap } from '../../src/admin/commands/objects-rewrap.js';
import type { Message } from '../../src/admin/message.js';
import type { DataContext } from '../../src/admin/ports.js';
import { versionPages } from '../../src/admin/rewrap/versions.js';
import { randomId } from '../../src/base/ids.js';
import { Secret } from '../../src/base/secret.js';
import { DataKeys, type KeyTarget, type WrapRequest } from '../../src/encryption/data-keys.js';
import { materialIdReader } from '../../src/encryption/material-id.js';
import type { WrappedDataKey } from '../../src/encryption/wrapped-key.js';
import { readBlobHeader } from '../../src/kms/ciphertext-blob.js';
import type { Services } from '../../src/s3/services.js';
import { Buckets } from '../../src/store/buckets.js';
import { KeyImpacts } from '../../src/store/key-impact.js';
import { KeyIndex } from '../../src/store/key-index.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import { Objects } from '../../src/store/objects.js';
import type { Commit } from '../../src/store/ports.js';
import type { BucketRecord, ObjectContent } from '../../src/store/records.js';
import { ACCOUNT, makeKms, root, viaS3 } from '../kms/harness.js';
import { bucketRecord, newVersion, plain } from '../versions/engines.js';
import { drain } from './harness.js';

type Args = Parameters<typeof objectsRewrap.run>[0];
const Bucket = 'bucket';

/** A server's inside, as far as the command looks into it. */
class World {
  readonly meta = new MemoryMetaStore();
  readonly buckets = new Buckets(this.meta, plain);
  readonly impact = new KeyImpacts(this.meta, this.buckets);
  readonly made = makeKms(this.meta, { impact: this.impact });
  readonly index = new KeyIndex(materialIdReader(readBlobHeader));
  readonly objects = new Objects(this.meta, plain, this.buckets, this.made.clock, this.index);
  readonly dataKeys = new DataKeys(this.made.kms, new Secret(Buffer.alloc(32, 3)), this.made.clock);
  /** What every version's data key was made as, sealed. */
  readonly #sealed: { target: KeyTarget; key: string; versionId: string; checksum: string }[] = [];

  async put(key: string, request: WrapRequest, extra: Partial<ObjectContent> = {}): Promise<string> {
    const bucket = (await this.buckets.get(Bucket))!;
    const objectId = randomId();
    const arns = { bucketArn: `arn:aws:s3:::${Bucket}`, objectArn: `arn:aws:s3:::${Bucket}/${key}` };
    const ids = { bucketId: Buffer.from(bucket.record.bucketId, 'hex'), objectId };
    const target = { who: viaS3(root()), arns, ids };
    const cipher = await this.dataKeys.create(target, request);
    const checksum = cipher.sealText('the checksum');
    const content = newVersion({ encryption: cipher.wrapped, ...extra }).content;
    const version = { objectId: objectId.toString('hex'), ownerAccountId: ACCOUNT, content };
    const { versionId } = await this.objects.put(bucket, key, version);
    if (request.mode !== 'SSE-C') this.#sealed.push({ target, key, versionId, checksum });
    cipher.dispose();
    return versionId;
  }

  async wrapOf(key: string, versionId?: string): Promise<WrappedDataKey> {
    const { bucketId } = (await this.buckets.get(Bucket))!.record;
    return (await this.objects.find(bucketId, key, versionId))!.record.content!.encryption as WrappedDataKey;
  }

  /** @returns how many versions still open what was sealed under their data keys. */
  async opened(): Promise<number> {
    for (const { target, key, versionId, checksum } of this.#sealed) {
      const cipher = await this.dataKeys.open(target, await this.wrapOf(key, versionId));
      expect(cipher.openText(checksum), key).toBe('the checksum');
      cipher.dispose();
    }
    return this.#sealed.length;
  }

  context(caller: DataContext['caller'] = root().caller): DataContext {
    const { meta, buckets, objects, dataKeys, made } = this;
    const { clock, kms } = made;
    const services = { meta, buckets, objects, dataKeys, clock, keyService: kms, region: 'us-east-1' };
    const data = { services: services as unknown as Services, kms, rootOf: (id: string) => root(id).caller };
    return { data: data as unknown as DataContext['data'], caller };
  }

  run(args: Partial<Args> & { to: string }, context = this.context()): Promise<Message[]> {
    return drain(objectsRewrap.run({ currentOnly: false, ...args } as Args, context));
  }
}

async function world(extra: Partial<BucketRecord> = {}): Promise<World & { old: string; fresh: string }> {
  const made = new World();
  await made.buckets.create(bucketRecord(Bucket, { versioning: 'Enabled', ...extra }));
  const [old, fresh] = [(await made.made.createKey()).Arn, (await made.made.createKey()).Arn];
  return Object.assign(made, { old, fresh });
}

const counts = (messages: Message[]) =>
  messages.flatMap((one) => (one.type === 'line' && one.text.includes('rewrapped') ? [one.data] : []))[0];
const details = (messages: Message[]) => messages.flatMap((one) => (one.type === 'detail' ? [one.data] : []));
const none = { 'SSE-C': 0, 'DSSE-KMS': 0, locked: 0, deleteMarker: 0, changed: 0 };
const kms = (keyId: string, bucketKeyEnabled = false, context = {}): WrapRequest => ({
  mode: 'SSE-KMS',
  ...{ keyId, context, bucketKeyEnabled },
});

/** One version at least of everything; the versions that can be rewrapped, and those that can't. */
async function fill(w: World & { old: string }): Promise<void> {
  await w.put('s3', { mode: 'SSE-S3' }, { checksum: { algorithm: 'SHA256', type: 'FULL_OBJECT', value: 'in clear' } });
  await w.put('kms', kms(w.old, false, { a: 'b' }));
  await w.put('kms', kms(w.old, true));
  await w.put('kms', kms(w.old));
  await w.put('marked', kms(w.old));
  await w.objects.remove((await w.buckets.get(Bucket))!, 'marked', undefined, ACCOUNT);
  await w.put('held', kms(w.old), { lock: { legalHold: 'ON' } });
  await w.put('dsse', { mode: 'DSSE-KMS', keyId: w.old, context: {} });
  await w.put('c', { mode: 'SSE-C', customerKey: new Secret(Buffer.alloc(32, 1)) });
}

test('all versions of a bucket come under the key, those that can’t are counted by reason, and a second run finds nothing to do', async () => {
  const w = await world();
  await fill(w);
  const messages = await w.run({ bucket: Bucket, to: w.fresh });
  const skipped = { 'SSE-C': 1, 'DSSE-KMS': 1, locked: 1, deleteMarker: 1, changed: 0 };
  expect(counts(messages)).toEqual({ rewrapped: 5, alreadyThere: 0, underOtherKeys: 0, skipped, failed: 0 });
  const listed = details(messages) as { key: string; skipped: string; versionId: string; bucket: string }[];
  expect(listed.map((one) => `${one.key} ${one.skipped}`).sort()).toEqual([
    'c SSE-C',
    'dsse DSSE-KMS',
    'held locked',
    'marked deleteMarker',
  ]);
  for (const { bucket, versionId } of listed) expect([bucket, versionId.length > 10]).toEqual([Bucket, true]);
  const progress = messages.flatMap((one) => (one.type === 'progress' ? [one] : []));
  expect(progress[0]).toMatchObject({ done: 0, total: 9 });
  expect(progress.at(-1)).toMatchObject({ done: 9, total: 9 });
  expect(await w.wrapOf('kms')).toMatchObject({ mode: 'SSE-KMS', keyArn: w.fresh, context: {} });
  expect(await w.opened()).toBe(7);
  const { bucketId } = (await w.buckets.get(Bucket))!.record;
  const { checksum } = (await w.objects.find(bucketId, 's3'))!.record.content!;
  expect([checksum!.value, typeof checksum!.sealed]).toEqual([undefined, 'string']);
  expect(counts(await w.run({ bucket: Bucket, to: w.fresh }))).toMatchObject({ rewrapped: 0, alreadyThere: 5 });
});

test('by key: others stay, the bucket key of each version is kept or set, and what is left under the old key is told', async () => {
  const w = await world();
  await fill(w);
  const messages = await w.run({ from: w.old, to: w.fresh });
  const skipped = { ...none, 'DSSE-KMS': 1, locked: 1 };
  expect(counts(messages)).toEqual({ rewrapped: 4, alreadyThere: 0, underOtherKeys: 2, skipped, failed: 0 });
  expect(messages.at(-1)).toMatchObject({ text: `2 versions still lie under ${w.old}`, data: { objects: 2 } });
  expect(await w.wrapOf('s3')).toMatchObject({ mode: 'SSE-S3' });
  const modes = async (): Promise<boolean[]> => {
    const { bucketId } = (await w.buckets.get(Bucket))!.record;
    const found: boolean[] = [];
    const services = { meta: w.meta, objects: w.objects } as unknown as Services;
    for await (const page of versionPages(services, bucketId, 'kms', 2)) {
      for (const { record } of page) found.push('underBucketKey' in record.content!.encryption);
    }
    return found;
  };
  expect(await modes()).toEqual([false, true, false]);
  expect(counts(await w.run({ bucket: Bucket, prefix: 'kms', to: w.fresh, bucketKey: 'on' }))).toMatchObject({
    rewrapped: 2,
    alreadyThere: 1,
  });
  expect(await modes()).toEqual([true, true, true]);
  expect(counts(await w.run({ bucket: Bucket, prefix: 'kms', to: w.fresh, bucketKey: 'off' }))).toMatchObject({
    rewrapped: 3,
  });
  expect(await modes()).toEqual([false, false, false]);
  expect(await w.opened()).toBe(7);
});

test('after a rotation the same key wraps anew, with bucket keys too, and the old backing key has no use left', async () => {
  const w = await world();
  for (const [key, bucketKey] of [
    ['a', false],
    ['b', true],
  ] as const)
    await w.put(key, kms(w.old, bucketKey));
  const before = (await w.wrapOf('b')) as { keyMaterialId: string };
  await w.made.ask('RotateKeyOnDemand', { KeyId: w.old });
  expect(counts(await w.run({ from: w.old, to: w.old }))).toMatchObject({ rewrapped: 2, alreadyThere: 0 });
  expect(await w.impact.impactOf([before.keyMaterialId])).toEqual([]);
  expect(counts(await w.run({ from: w.old, to: w.old }))).toMatchObject({ rewrapped: 0, alreadyThere: 2 });
  expect(await w.opened()).toBe(2);
});

test('cut off anywhere and run again, every version is rewrapped once in all', async () => {
  const w = await world();
  const versions = 200;
  for (let i = 0; i < versions; i++) await w.put(`k${i % 150}`, kms(w.old, true));
  const seen: number[] = [];
  for (let round = 0; seen.at(-1) !== 0; round++) {
    const messages = objectsRewrap.run({ currentOnly: false, from: w.old, to: w.fresh } as Args, w.context());
    for await (const message of messages) {
      // The client is gone behind the first page that did something.
      if (message.type === 'progress' && message.done > 64 * round && message.done < versions) break;
    }
    const { bucketId } = (await w.buckets.get(Bucket))!.record;
    const material = w.made.keys.current(
      await w.made.keys.findExisting(w.made.keys.reference(viaS3(root()), w.old)),
    ).id;
    const [left] = await w.impact.impactOf([material]);
    expect(left?.bucketId ?? bucketId).toBe(bucketId);
    seen.push(left?.objects ?? 0);
  }
  expect(seen).toEqual([136, 72, 8, 0]);
  expect(await w.opened()).toBe(versions);
});

test('what changes while its key is wrapped is skipped, and keeps what the other writer gave it', async () => {
  const w = await world({ versioning: 'Suspended' });
  for (const key of ['replaced', 'removed', 'held', 'stays']) await w.put(key, kms(w.old));
  const bucket = (await w.buckets.get(Bucket))!;
  const { commit } = w.meta;
  let meddling = false;
  let meddled = 0;
  w.meta.commit = async (asked: Commit): Promise<boolean> => {
    const row = asked.puts?.map((one) => Buffer.from(one.key).toString('latin1')).find((key) => key.startsWith('c/'));
    if (!meddling && row) {
      meddling = true;
      if (row.includes('replaced')) await w.put('replaced', { mode: 'SSE-S3' });
      if (row.includes('removed')) await w.objects.remove(bucket, 'removed', 'null', ACCOUNT);
      if (row.includes('held')) {
        await w.objects.replace(bucket, 'held', 'null', (one) => ({
          ...one,
          content: { ...one.content!, lock: { legalHold: 'ON' } },
        }));
      }
      meddled++;
      meddling = false;
    }
    return commit.call(w.meta, asked);
  };
  const messages: Message[] = [];
  for (const prefix of ['replaced', 'removed', 'held', 'stays']) {
    messages.push(...(await w.run({ bucket: Bucket, prefix, to: w.fresh })));
  }
  w.meta.commit = commit;
  expect(meddled).toBeGreaterThanOrEqual(4);
  expect((details(messages) as { key: string; skipped: string }[]).map((one) => [one.key, one.skipped])).toEqual([
    ['replaced', 'changed'],
    ['removed', 'changed'],
    ['held', 'changed'],
  ]);
  expect(await w.wrapOf('replaced')).toMatchObject({ mode: 'SSE-S3' });
  expect(await w.wrapOf('held')).toMatchObject({ keyArn: w.old });
  expect(await w.wrapOf('stays')).toMatchObject({ keyArn: w.fresh });
});

test('a key that may not be used fails each version by itself, and every use of a key is in the audit log', async () => {
  const w = await world();
  const third = (await w.made.createKey()).Arn;
  await w.put('a', kms(w.old));
  await w.put('b', kms(third));
  await w.made.ask('DisableKey', { KeyId: w.old });
  const messages = await w.run({ bucket: Bucket, to: w.fresh });
  expect(counts(messages)).toMatchObject({ rewrapped: 1, failed: 1 });
  const findings = messages.filter((one) => one.type === 'finding');
  expect(findings).toMatchObject([{ data: { bucket: Bucket, key: 'a', code: 'KMS.DisabledException' } }]);
  const uses = w.made.audit.events.filter((one) => one.source?.operation === 'UpdateObjectEncryption');
  expect(uses.map((one) => `${one.source!.key} ${one.action} ${one.result}`).sort()).toEqual([
    'a Decrypt DisabledException',
    'b Decrypt Success',
    'b Encrypt Success',
  ]);
});

test('noncurrent versions are left where only current ones are asked for', async () => {
  const w = await world();
  const first = await w.put('k', kms(w.old));
  await w.put('k', kms(w.old));
  expect(counts(await w.run({ from: w.old, to: w.fresh, currentOnly: true }))).toMatchObject({ rewrapped: 1 });
  expect(await w.wrapOf('k', first)).toMatchObject({ keyArn: w.old });
  expect(await w.wrapOf('k')).toMatchObject({ keyArn: w.fresh });
});

test('the new key is named by its alias, alias ARN or id as well, by a caller and offline', async () => {
  const w = await world();
  await w.made.ask('CreateAlias', { AliasName: 'alias/fresh', TargetKeyId: w.fresh });
  const names = ['alias/fresh', w.fresh.replace(/key\/.*/, 'alias/fresh'), w.fresh.split('/')[1]!];
  for (const to of names) {
    for (const context of [w.context(), { ...w.context(), caller: undefined }]) {
      await w.put('k', kms(w.old));
      const only = { ...context, data: { ...context.data, accountIds: [ACCOUNT] } };
      expect(counts(await w.run({ to, bucket: Bucket }, only)), to).toMatchObject({ rewrapped: 1 });
      expect(await w.wrapOf('k'), to).toMatchObject({ keyArn: w.fresh });
    }
  }
  const data = { ...w.context().data, accountIds: [ACCOUNT, '222222222222'] };
  const several = { ...w.context(), data, caller: undefined };
  await expect(w.run({ to: 'alias/fresh', bucket: Bucket }, several)).rejects.toMatchObject({ name: 'UsageError' });
});

test('what can’t be meant is refused before anything is changed', async () => {
  const w = await world();
  await w.put('k', kms(w.old));
  const disabled = (await w.made.createKey()).Arn;
  await w.made.ask('DisableKey', { KeyId: disabled });
  const rsa = (await w.made.createKey({ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' })).Arn;
  const refusals: [Partial<Args> & { to: string }, object][] = [
    [{ to: w.fresh }, { name: 'UsageError' }],
    [{ to: w.fresh, from: w.old, prefix: 'k' }, { name: 'UsageError' }],
    [{ to: 'alias/x', bucket: Bucket }, { code: 'NoSuchKey' }],
    [{ to: 'arn:x', bucket: Bucket }, { name: 'UsageError' }],
    [{ to: w.fresh, bucket: Bucket, bucketKey: 'maybe' }, { name: 'UsageError' }],
    [{ to: w.fresh, bucket: Bucket, rate: 0 }, { name: 'UsageError' }],
    [{ to: w.fresh, bucket: 'missing' }, { code: 'NoSuchBucket' }],
    [{ to: w.fresh, from: 'alias/missing' }, { code: 'NoSuchKey' }],
    [{ to: w.fresh.replace(/.$/, (c) => (c === '0' ? '1' : '0')), bucket: Bucket }, { code: 'NoSuchKey' }],
    [{ to: w.fresh.replace(ACCOUNT, '222222222222'), bucket: Bucket }, { code: 'AccessDenied' }],
    [{ to: disabled, bucket: Bucket }, { code: 'KeyUnusable' }],
    [{ to: rsa, bucket: Bucket }, { code: 'KeyUnusable' }],
  ];
  for (const [args, error] of refusals) await expect(w.run(args), JSON.stringify(args)).rejects.toMatchObject(error);
  const other = w.context(root('222222222222').caller);
  await expect(w.run({ to: w.fresh, bucket: Bucket }, other)).rejects.toMatchObject({ code: 'AccessDenied' });
  expect(await w.wrapOf('k')).toMatchObject({ keyArn: w.old });
  // Offline the root of the bucket's owner is taken.
  const offline = { ...w.context(), caller: undefined };
  expect(counts(await w.run({ to: w.fresh, bucket: Bucket }, offline))).toMatchObject({ rewrapped: 1 });
});
