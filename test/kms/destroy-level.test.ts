import { copyFile, cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.js';
import { keyRow } from '../../src/kms/key-record.js';
import { openStore, type Store } from '../../src/store/leveldb/open.js';
import { ACCOUNT, DAY_MS } from './harness.js';
import { type Doomed, outcomes, PLAINTEXT, prepare } from './support/doomed.js';
import { openService, startMs } from './support/opened.js';

let directory: string;
const open: Store[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coffer-destroy-'));
});
afterEach(async () => {
  for (const store of open.splice(0)) await store.close();
  await rm(directory, { recursive: true, force: true });
});

const clock = new ManualClock(startMs);
const data = () => join(directory, 'data');
const keystore = () => join(directory, 'root.key.keystore');
const rootKey = () => join(directory, 'root.key');

/** As a start of the program: data directory, key-store file, root key file. `dies`: before the store lets go of old rows. */
async function start(from = data(), path = keystore(), dies = false, rootKeyFile = rootKey()) {
  const store = await openStore(from, { freeSpaceFloorBytes: 0 });
  open.push(store);
  const compact = dies ? () => Promise.reject(new Error('dead')) : store.compactMeta;
  const service = await openService({ meta: store.meta, path, clock, rootKeyFile }, { compact });
  return { service, store };
}

async function stop(): Promise<void> {
  for (const store of open.splice(0)) await store.close();
}

/** Whether any file of the data directory has any of these bytes. */
async function found(needles: readonly Buffer[]): Promise<boolean[]> {
  const files = await readdir(data(), { recursive: true, withFileTypes: true });
  const contents = await Promise.all(
    files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name))),
  );
  return needles.map((needle) => contents.some((content) => content.includes(needle)));
}

/** Pieces of a key's sealed row as it is now: a log may break one in two. */
async function piecesOf({ meta }: Store, keyId: string): Promise<Buffer[]> {
  const { value } = (await meta.get(keyRow(ACCOUNT, keyId)))!;
  return [0.2, 0.4, 0.6, 0.8].map((part) => {
    const at = Math.floor(value.length * part);
    return Buffer.from(value.subarray(at, at + 24));
  });
}

/** A store with a key that is due, and copies of all there was before its deletion was scheduled. */
async function prepareStore() {
  const { service, store } = await start();
  const prepared = await prepare(service);
  const { ids } = prepared;
  const pieces = [await piecesOf(store, ids.doomed), await piecesOf(store, ids.imported)];
  await stop();
  await cp(data(), join(directory, 'old data'), { recursive: true });
  await copyFile(keystore(), old.keystore());
  await copyFile(rootKey(), old.rootKey());
  const again = await start();
  await again.service.ask('RotateKeyOnDemand', { KeyId: ids.doomed });
  pieces.push(await piecesOf(again.store, ids.doomed));
  await again.service.ask('ScheduleKeyDeletion', { KeyId: ids.doomed, PendingWindowInDays: 7 });
  pieces.push(await piecesOf(again.store, ids.doomed));
  await again.service.ask('DeleteImportedKeyMaterial', { KeyId: ids.imported });
  for (const some of pieces) expect(await found(some)).toContain(true);
  return { ...again, prepared, pieces: pieces.flat() };
}

const old = {
  data: () => join(directory, 'old data'),
  keystore: () => join(directory, 'old.keystore'),
  rootKey: () => join(directory, 'old root.key'),
};

async function opens({ blobs }: Doomed, from: string, path: string, rootKeyFile = rootKey()) {
  const { service } = await start(from, path, false, rootKeyFile);
  const answers = {
    doomed: await outcomes(service, blobs.doomed),
    survivor: await outcomes(service, blobs.survivor),
    imported: await outcomes(service, blobs.imported),
  };
  await stop();
  return answers;
}

test('FMT-DESTROY-1 of a destroyed key and of deleted material nothing is left in the files, and no old copy opens it', async () => {
  const { service, prepared, pieces } = await prepareStore();
  clock.advance(7 * DAY_MS);
  await service.keep();
  expect(await found(pieces)).toEqual(pieces.map(() => false));
  await stop();
  expect(await found(pieces)).toEqual(pieces.map(() => false));

  const today = await opens(prepared, data(), keystore());
  expect(today.survivor).toEqual([PLAINTEXT, PLAINTEXT]);
  expect(today.doomed).toEqual(['AccessDeniedException', 'AccessDeniedException']);
  expect(today.imported).toEqual(['KMSInvalidStateException']);
  clock.advance(-7 * DAY_MS);
  // Each start on a copy: what it does to the data is not to help the next.
  let copies = 0;
  const copyOf = async (from: string) => {
    const copy = join(directory, `copy ${copies++}`);
    await cp(from, copy, { recursive: true });
    return copy;
  };
  // With today's root key an old key-store file opens nothing, whatever the data; nor does today's with an old root key file.
  for (const from of [data(), old.data()]) {
    for (const [path, rootKeyFile] of [
      [old.keystore(), rootKey()],
      [keystore(), old.rootKey()],
    ] as const) {
      const started = start(await copyOf(from), path, false, rootKeyFile);
      await expect(started).rejects.toThrow(
        /is damaged or belongs to another root key, or one of the two files is from/,
      );
      await stop();
    }
  }
  // An old copy of the data has them wrapped under a key-store key that today's file doesn't have.
  const oldData = await opens(prepared, await copyOf(old.data()), keystore());
  for (const some of Object.values(oldData)) for (const one of some) expect(one).toBe('StoreDamaged');
  // Today's data has nothing of them, whatever key files one has kept.
  const oldKeys = await opens(prepared, await copyOf(data()), old.keystore(), old.rootKey());
  expect(oldKeys.doomed).toEqual(['AccessDeniedException', 'AccessDeniedException']);
  expect(oldKeys.imported).toEqual(['KMSInvalidStateException']);
  // Data, key-store file and root key file of one time are a backup of all (FMT-DESTROY-2).
  const backup = await opens(prepared, await copyOf(old.data()), old.keystore(), old.rootKey());
  expect(Object.values(backup).flat()).toEqual(Array(5).fill(PLAINTEXT));
  expect(copies).toBe(7);
  clock.advance(7 * DAY_MS);
});

test('a crash before the store has let go of the old rows is made up for at the next start', async () => {
  const prepared = await prepareStore();
  await stop();
  clock.advance(7 * DAY_MS);
  const dying = await start(data(), keystore(), true);
  await expect(dying.service.keep()).rejects.toThrow('dead');
  await stop();
  const { service } = await start();
  await service.keep();
  expect(await found(prepared.pieces)).toEqual(prepared.pieces.map(() => false));
  const { blobs } = prepared.prepared;
  expect(await outcomes(service, blobs.survivor)).toEqual([PLAINTEXT, PLAINTEXT]);
  expect(await outcomes(service, blobs.doomed)).not.toContain(PLAINTEXT);
  clock.advance(-7 * DAY_MS);
});
