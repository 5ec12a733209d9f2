import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStore, type Store } from '../../src/store/leveldb/open.js';

let directory: string;
let store: Store;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coffer-compact-'));
  store = await openStore(directory, { freeSpaceFloorBytes: 0 });
});
afterEach(async () => {
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

const SECRET = Buffer.from('what is deleted has to leave the files');
const KEY = Buffer.from('k/one');
const RANGE = { gte: Buffer.from('k'), lt: Buffer.from('l') };

async function isThere(): Promise<boolean> {
  const files = await readdir(join(directory, 'meta'));
  const contents = await Promise.all(files.map((name) => readFile(join(directory, 'meta', name))));
  return contents.some((content) => content.includes(SECRET));
}

const put = (value: Buffer) => store.meta.commit({ puts: [{ key: KEY, value }] });

test.each(['deleted', 'overwritten'])('a row that was %s leaves the files', async (how) => {
  await store.meta.commit({ puts: [{ key: Buffer.from('m'), value: Buffer.from('another') }] });
  await put(SECRET);
  if (how === 'deleted') await store.meta.commit({ dels: [KEY] });
  else await put(Buffer.from('another'));
  expect(await isThere()).toBe(true);
  await store.compactMeta(RANGE);
  expect(await isThere()).toBe(false);
  expect((await store.meta.get(Buffer.from('m')))?.value.toString()).toBe('another');
  expect((await store.meta.get(KEY))?.value.toString()).toBe(how === 'deleted' ? undefined : 'another');
});

test('who reads is waited for: a snapshot would keep what it sees', async () => {
  await put(SECRET);
  const cursor = store.meta.cursor(RANGE);
  await cursor.next(1);
  await store.meta.commit({ dels: [KEY] });
  let done = false;
  const compacted = store.compactMeta(RANGE).then(() => {
    done = true;
  });
  // Another that begins later is of no matter.
  const late = store.meta.cursor(RANGE);
  expect((await late.next(1)).map(({ key }) => key.toString())).not.toContain('k/one');
  expect(done).toBe(false);
  await cursor.close();
  await late.close();
  await compacted;
  expect(await isThere()).toBe(false);
});

test('rows in many tables, written and deleted in between, leave the files too', async () => {
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 60; i++) {
      const key = Buffer.from(`k/${(i * 7) % 60}`);
      await store.meta.commit({ puts: [{ key, value: Buffer.concat([SECRET, Buffer.alloc(60_000, i)]) }] });
    }
    await store.compactMeta();
  }
  expect(await isThere()).toBe(true);
  for (let i = 0; i < 60; i++) await store.meta.commit({ dels: [Buffer.from(`k/${i}`)] });
  await store.compactMeta(RANGE);
  expect(await isThere()).toBe(false);
});

test('a closed store is not compacted', async () => {
  await store.close();
  await expect(store.compactMeta(RANGE)).rejects.toThrow('closed');
});
