import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.js';
import { Secret } from '../../src/base/secret.js';
import { openKms } from '../../src/kms/open.js';
import { RootSealer } from '../../src/seal/record-sealer.js';
import { loadOrCreateRootKey, RootKey } from '../../src/seal/root-key.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import { DAY_MS, REGION, root } from './harness.js';
import { MemoryAudit } from './memory-audit.js';

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coffer-destroy-'));
  path = join(directory, 'root.key.keystore');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const clock = new ManualClock(Date.UTC(2026, 0, 1));

async function start(meta: MemoryMetaStore, rootKey = new RootKey(new Secret(Buffer.alloc(32, 7)))) {
  const steps: string[] = [];
  const notices: string[] = [];
  const { kms, destroyer } = await openKms({
    meta,
    sealer: new RootSealer(rootKey),
    rootKey,
    keyStoreFile: path,
    audit: new MemoryAudit(meta),
    principals: { exists: () => undefined, accountIds: () => [] },
    clock,
    region: REGION,
    dayMs: DAY_MS,
    xks: { timeoutMs: 250 },
    beforeDestruction: () => steps.push('before'),
    compact: async () => void steps.push('compact'),
    onTrouble: (error) => {
      throw error;
    },
    onNotice: (message) => notices.push(message),
  });
  const ask = async (action: string, input: object = {}) =>
    (await kms.dispatch(`TrentService.${action}`, Buffer.from(JSON.stringify(input)), root())).json;
  const encrypt = async (KeyId: string) =>
    (await ask('Encrypt', { KeyId, Plaintext: 'c2VjcmV0' })).CiphertextBlob as string;
  const outcome = async (CiphertextBlob: string) => {
    const json = await ask('Decrypt', { CiphertextBlob }).catch((error: Error) => ({ __type: error.name }));
    return ('Plaintext' in json ? json.Plaintext : json.__type) as string;
  };
  return { ask, encrypt, outcome, destroyer, steps, notices };
}

/** Three keys, rotated; the first is due. */
async function prepare(meta: MemoryMetaStore, rootKey?: RootKey) {
  const service = await start(meta, rootKey);
  const blobs: string[] = [];
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) {
    const KeyId = ((await service.ask('CreateKey')).KeyMetadata as { KeyId: string }).KeyId;
    ids.push(KeyId);
    blobs.push(await service.encrypt(KeyId));
    await service.ask('RotateKeyOnDemand', { KeyId });
    blobs.push(await service.encrypt(KeyId));
  }
  await service.ask('ScheduleKeyDeletion', { KeyId: ids[0], PendingWindowInDays: 7 });
  return { ...service, blobs, ids };
}

async function copyOf(meta: MemoryMetaStore): Promise<MemoryMetaStore> {
  const copy = new MemoryMetaStore();
  await copy.commit({ puts: await meta.range({ gte: Buffer.of(1), lt: Buffer.of(255), limit: 1000 }) });
  return copy;
}

test('an old copy of the data doesn’t open a destroyed key; every other key opens all it encrypted', async () => {
  const meta = new MemoryMetaStore();
  const { blobs, outcome, destroyer, steps } = await prepare(meta);
  const oldData = await copyOf(meta);
  const oldFile = await readFile(path, 'latin1');
  clock.advance(7 * DAY_MS);
  expect(await destroyer.destroyDue()).toBe(1);
  expect(steps).toEqual(['before', 'compact']);
  expect(await readFile(path, 'latin1')).not.toBe(oldFile);
  for (const service of [{ outcome }, await start(await copyOf(meta))]) {
    for (const blob of blobs.slice(2)) expect(await service.outcome(blob)).toBe('c2VjcmV0');
    for (const blob of blobs.slice(0, 2)) expect(await service.outcome(blob)).not.toBe('c2VjcmV0');
  }
  // The copy, at a time when the key was alive.
  clock.advance(-7 * DAY_MS);
  const revived = await start(oldData);
  const cancelled = await revived.ask('ListKeys');
  expect((cancelled.Keys as unknown[]).length).toBe(3);
  for (const blob of blobs) expect(await revived.outcome(blob)).not.toBe('c2VjcmV0');
});

test('keys that are made and rotated meanwhile survive', async () => {
  const meta = new MemoryMetaStore();
  const { ask, encrypt, destroyer, ids } = await prepare(meta);
  clock.advance(7 * DAY_MS);
  const work = Array.from({ length: 20 }, async (_, i) => {
    if (i % 2 === 0) return encrypt(((await ask('CreateKey')).KeyMetadata as { KeyId: string }).KeyId);
    await ask('RotateKeyOnDemand', { KeyId: ids[1] });
    return encrypt(ids[1]!);
  });
  await Promise.all([destroyer.destroyDue(), ...work]);
  const next = await start(meta);
  const blobs = await Promise.all(work);
  expect(blobs).toHaveLength(20);
  for (const blob of blobs) expect(await next.outcome(blob)).toBe('c2VjcmV0');
});

test('without a key that is due nothing is written', async () => {
  const { destroyer, steps } = await prepare(new MemoryMetaStore());
  const before = await readFile(path, 'latin1');
  expect(await destroyer.destroyDue()).toBe(0);
  expect([await readFile(path, 'latin1'), steps]).toEqual([before, []]);
});

test('what a crash left beside the file is removed: it may hold a key that was to be forgotten', async () => {
  const meta = new MemoryMetaStore();
  await prepare(meta);
  await writeFile(`${path}.new`, 'left over');
  await start(meta);
  expect(await readdir(directory)).toEqual(['root.key.keystore']);
});

test('a deletion that is cancelled at the last moment is none', async () => {
  const meta = new MemoryMetaStore();
  const { ask, outcome, destroyer, ids, blobs } = await prepare(meta);
  clock.advance(7 * DAY_MS - 1);
  expect((await ask('CancelKeyDeletion', { KeyId: ids[0] })).__type).toBeUndefined();
  clock.advance(1);
  expect(await destroyer.destroyDue()).toBe(0);
  await ask('EnableKey', { KeyId: ids[0] });
  expect(await outcome(blobs[0]!)).toBe('c2VjcmV0');
  await ask('ScheduleKeyDeletion', { KeyId: ids[0], PendingWindowInDays: 7 });
  clock.advance(7 * DAY_MS);
  expect((await ask('CancelKeyDeletion', { KeyId: ids[0] })).__type).toBe('NotFoundException');
  expect(await destroyer.destroyDue()).toBe(1);
});

describe('what the operator is told after a destruction, in one line', () => {
  let root: string;
  beforeEach(() => {
    root = join(directory, 'root.key');
  });

  async function destroyed(change: () => Promise<void>) {
    const meta = new MemoryMetaStore();
    await loadOrCreateRootKey({ file: root });
    await change();
    const { destroyer, notices } = await prepare(meta, await loadOrCreateRootKey({ file: root }));
    const oldData = await copyOf(meta);
    const oldFile = await readFile(path, 'latin1');
    clock.advance(7 * DAY_MS);
    expect(await destroyer.destroyDue()).toBe(1);
    const today = await readFile(path, 'latin1');
    expect(today).not.toBe(oldFile);
    await start(meta, await loadOrCreateRootKey({ file: root }));
    await writeFile(path, oldFile);
    clock.advance(-7 * DAY_MS);
    const opens = await loadOrCreateRootKey({ file: root })
      .then((rootKey) => start(oldData, rootKey))
      .then(
        () => true,
        () => false,
      );
    return { notices, opens };
  }

  test('to back up both files', async () => {
    expect(await destroyed(async () => {})).toEqual({
      notices: [
        `KMS key material was destroyed: back up ${root} and ${path} again, they open only with each other, and delete the copies of before`,
      ],
      opens: false,
    });
  });

  test('to delete old copies of the key-store file where the root key file has to stay as it is: they still open', async () => {
    expect(await destroyed(() => chmod(root, 0o400))).toEqual({
      notices: [
        `KMS key material was destroyed, but ${root} can't be replaced (its mode is read-only): old copies of ${path} still open with the root key, delete them; back it up again`,
      ],
      opens: true,
    });
  });

  test('both where the root key file had no secret until then', async () => {
    const withoutSecret = async () => writeFile(root, (await readFile(root, 'latin1')).split('\n')[0]!);
    const { notices, opens } = await destroyed(withoutSecret);
    expect(notices).toEqual([
      `KMS key material was destroyed: back up ${root} and ${path} again, they open only with each other, and delete the copies of before: old copies of ${path} still open with the root key`,
    ]);
    // Not by a start, but by whoever derives the key from the root key alone.
    expect(opens).toBe(false);
  });
});
