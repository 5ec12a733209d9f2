/** A KMS key is destroyed while several processes use the keys of one store, with one directory of key files. */
import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.js';
import { openKms } from '../../src/kms/open.js';
import { RootSealer } from '../../src/seal/record-sealer.js';
import { loadOrCreateRootKey } from '../../src/seal/root-key.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import type { Commit, MetaStore } from '../../src/store/ports.js';
import { DAY_MS, REGION, root } from './harness.js';
import { MemoryAudit } from './memory-audit.js';

let directory: string;
let clock: ManualClock;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coffer-gateways-'));
  clock = new ManualClock(Date.UTC(2026, 0, 1));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

type Gateway = Awaited<ReturnType<typeof open>>;
const ended = new Set<string>();

async function open(meta: MetaStore, id = 1, folder = directory) {
  const rootKey = await loadOrCreateRootKey({ file: join(folder, 'root.key') });
  const notices: string[] = [];
  const gateway = { id: Buffer.alloc(16, id) };
  let forgotten = 0;
  const opened = await openKms({
    ...{ meta, rootKey, clock, region: REGION, dayMs: DAY_MS, xks: { timeoutMs: 250 } },
    sealer: new RootSealer(rootKey),
    keyStoreFile: join(folder, 'root.key.keystore'),
    audit: new MemoryAudit(meta),
    principals: { exists: () => undefined, accountIds: () => [] },
    peers: { gateway, hasEnded: async (one) => ended.has(Buffer.from(one).toString('hex')) },
    beforeDestruction: () => void forgotten++,
    onTrouble: () => {},
    onNotice: (message) => notices.push(message),
  });
  const { kms, keep, notice } = opened;
  const ask = async (action: string, input: object = {}) =>
    (await kms.dispatch(`TrentService.${action}`, Buffer.from(JSON.stringify(input)), root())).json;
  const make = async (): Promise<string> => ((await ask('CreateKey')).KeyMetadata as { KeyId: string }).KeyId;
  const encrypt = async (KeyId: string) =>
    (await ask('Encrypt', { KeyId, Plaintext: 'c2VjcmV0' })).CiphertextBlob as string;
  const decrypt = async (CiphertextBlob: string) => {
    const json = await ask('Decrypt', { CiphertextBlob });
    return (json.Plaintext ?? json.__type) as string;
  };
  const hex = gateway.id.toString('hex');
  return { ask, make, encrypt, decrypt, keep, notice, notices, hex, close: opened.close, forgotten: () => forgotten };
}

/** Three keys; the first is due. Both gateways have used all. */
async function prepare(meta: MetaStore, gateways: Gateway[]) {
  const [one] = gateways as [Gateway];
  const ids = [await one.make(), await one.make(), await one.make()];
  const blobs = await Promise.all(ids.map((id) => one.encrypt(id)));
  for (const gateway of gateways) for (const blob of blobs) expect(await gateway.decrypt(blob)).toBe('c2VjcmV0');
  await one.ask('ScheduleKeyDeletion', { KeyId: ids[0], PendingWindowInDays: 7 });
  clock.advance(7 * DAY_MS);
  return { meta, ids, blobs };
}

/** The first is gone for good, the others open everywhere, also at a gateway that starts now. */
async function requireDestroyed(meta: MetaStore, gateways: Gateway[], blobs: string[], more: string[] = []) {
  for (const gateway of [...gateways, await open(meta, 9)]) {
    expect(await gateway.decrypt(blobs[0]!)).not.toBe('c2VjcmV0');
    for (const blob of [...blobs.slice(1), ...more]) expect(await gateway.decrypt(blob)).toBe('c2VjcmV0');
    expect(await gateway.decrypt(await gateway.encrypt(await gateway.make()))).toBe('c2VjcmV0');
  }
  expect((await readdir(directory)).filter((name) => name.endsWith('.new'))).toEqual([]);
}

test('the other gateway goes on with the keys that live, and what both make meanwhile opens at both', async () => {
  const meta = new MemoryMetaStore(true);
  const [one, other] = [await open(meta, 1), await open(meta, 2)];
  const { blobs, ids } = await prepare(meta, [one, other]);
  const made: string[] = [];
  for (let i = 0; i < 3; i++) {
    const doomed = await other.make();
    await other.ask('ScheduleKeyDeletion', { KeyId: doomed, PendingWindowInDays: 7 });
    clock.advance(7 * DAY_MS);
    const work = Promise.all([
      ...Array.from({ length: 5 }, async () => other.encrypt(await other.make())),
      ...Array.from({ length: 5 }, async () => one.encrypt(await one.make())),
    ]);
    await one.keep();
    made.push(...(await work));
    await other.ask('RotateKeyOnDemand', { KeyId: ids[1] });
    made.push(await one.encrypt(ids[1]!));
    await other.notice();
    await one.keep();
  }
  await requireDestroyed(meta, [one, other], blobs, made);
});

test('nothing is said to be destroyed while a gateway has not let go of it, unless that is at work no more', async () => {
  const meta = new MemoryMetaStore(true);
  const [one, other, third] = [await open(meta, 1), await open(meta, 2), await open(meta, 3)];
  const { blobs } = await prepare(meta, [one, other, third]);
  await one.keep();
  expect(one.notices).toEqual([expect.stringContaining(`in the memory of gateway ${other.hex}, ${third.hex}`)]);
  await one.keep();
  expect(one.notices).toHaveLength(1);
  expect(other.forgotten()).toBe(0);
  // Any request is enough, as the timer is.
  expect(await other.decrypt(blobs[1]!)).toBe('c2VjcmV0');
  expect(other.forgotten()).toBe(1);
  await one.keep();
  expect(one.notices.at(-1)).toContain(`in the memory of gateway ${third.hex}`);
  ended.add(third.hex);
  await one.keep();
  expect(one.notices.at(-1)).toContain('back up');
  ended.clear();
  await requireDestroyed(meta, [one, other], blobs);
  expect(one.notices).toHaveLength(3);
});

test('a gateway that leaves in order is not waited for', async () => {
  const meta = new MemoryMetaStore(true);
  const [one, other] = [await open(meta, 1), await open(meta, 2)];
  const { blobs } = await prepare(meta, [one, other]);
  await other.close();
  await one.keep();
  expect(one.notices).toEqual([expect.stringContaining('back up')]);
  await requireDestroyed(meta, [one], blobs);
});

test('what was wrapped under the key before and comes to be written after the replacement is wrapped anew', async () => {
  const meta = new MemoryMetaStore(true);
  const one = await open(meta, 1);
  let during: (() => Promise<unknown>) | undefined;
  const slow = meddled(meta, async () => {
    const work = during;
    during = undefined;
    await work?.();
  });
  const other = await open(slow, 2);
  const { blobs, ids } = await prepare(meta, [one, other]);
  during = () => one.keep();
  const made = await other.encrypt(await other.make());
  const doomed = await one.make();
  await one.ask('ScheduleKeyDeletion', { KeyId: doomed, PendingWindowInDays: 7 });
  clock.advance(7 * DAY_MS);
  await one.keep();
  during = () => one.keep();
  expect((await other.ask('RotateKeyOnDemand', { KeyId: ids[2] })).__type).toBeUndefined();
  await requireDestroyed(meta, [one, other], blobs, [made, await other.encrypt(ids[2]!)]);
});

test('a process that ends at any commit of a destruction leaves it to another, which loses nothing', async () => {
  for (let at = 0; ; at++) {
    const meta = new MemoryMetaStore(true);
    let left = Number.POSITIVE_INFINITY;
    const dying = meddled(meta, async () => {
      if (left-- <= 0) throw new Error('dead');
    });
    const [one, other] = [await open(dying, 1), await open(meta, 2)];
    const { blobs } = await prepare(meta, [one, other]);
    left = at;
    const outcome = await one.keep().then(
      () => 'done',
      () => 'died',
    );
    ended.add(one.hex);
    for (let i = 0; i < 3; i++) await other.keep();
    await requireDestroyed(meta, [other], blobs);
    expect(other.notices.at(-1) ?? '').toMatch(outcome === 'done' ? /^/ : /destroyed/);
    ended.clear();
    await rm(directory, { recursive: true, force: true });
    directory = await mkdtemp(join(tmpdir(), 'coffer-gateways-'));
    if (outcome === 'done') {
      expect(at).toBeGreaterThan(5);
      return;
    }
  }
});

test('a process that is paused at any commit and goes on when another has finished its work breaks nothing', async () => {
  for (let at = 0; ; at++) {
    const meta = new MemoryMetaStore(true);
    const other = await open(meta, 2);
    let left = Number.POSITIVE_INFINITY;
    let paused = false;
    const slow = meddled(meta, async () => {
      if (left-- !== 0) return;
      paused = true;
      for (let i = 0; i < 3; i++) await other.keep();
      const more = await other.make();
      await other.ask('ScheduleKeyDeletion', { KeyId: more, PendingWindowInDays: 7 });
      clock.advance(7 * DAY_MS);
      await other.keep();
    });
    const one = await open(slow, 1);
    const { blobs } = await prepare(meta, [one, other]);
    left = at;
    await one.keep().catch(() => {});
    for (const gateway of [one, other, one]) await gateway.keep();
    await requireDestroyed(meta, [one, other], blobs);
    await rm(directory, { recursive: true, force: true });
    directory = await mkdtemp(join(tmpdir(), 'coffer-gateways-'));
    if (!paused) return;
  }
});

test('two that start at once on an empty store have one key', async () => {
  const meta = new MemoryMetaStore(true);
  const [one, other] = await Promise.all([open(meta, 1), open(meta, 2)]);
  const KeyId = await one.make();
  expect(await other.decrypt(await one.encrypt(KeyId))).toBe('c2VjcmV0');
  await requireDestroyed(meta, [one, other], ['AAAA'], [await other.encrypt(KeyId)]);
});

test('a file from before the last destruction, or a directory of one’s own, is refused in plain words', async () => {
  const meta = new MemoryMetaStore(true);
  const [one, other] = [await open(meta, 1), await open(meta, 2)];
  const [file, old] = [join(directory, 'root.key.keystore'), join(directory, 'old')];
  const root = join(directory, 'root.key');
  await copyFile(file, old);
  await copyFile(root, `${old}.root`);
  const { blobs } = await prepare(meta, [one, other]);
  await one.keep();
  const [now, nowRoot] = [join(directory, 'now'), join(directory, 'now.root')];
  await copyFile(file, now);
  await copyFile(root, nowRoot);
  await copyFile(old, file);
  await copyFile(`${old}.root`, root);
  await expect(other.decrypt(blobs[1]!)).rejects.toThrow(/from before a KMS key was destroyed/);
  await expect(open(meta, 3)).rejects.toThrow(/from before a KMS key was destroyed/);
  await copyFile(now, file);
  await copyFile(nowRoot, root);
  expect(await other.decrypt(blobs[1]!)).toBe('c2VjcmV0');
  const elsewhere = await mkdtemp(join(tmpdir(), 'coffer-gateways-'));
  await copyFile(root, join(elsewhere, 'root.key'));
  await expect(open(meta, 3, elsewhere)).rejects.toThrow(/is missing/);
  await rm(elsewhere, { recursive: true });
});

/** Something happens before each commit. */
function meddled(meta: MetaStore, before: () => Promise<void>): MetaStore {
  return new Proxy(meta, {
    get(target, name) {
      if (name === 'commit') {
        return async (commit: Commit) => {
          await before();
          return target.commit(commit);
        };
      }
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
