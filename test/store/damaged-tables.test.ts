import { cp, mkdtemp, open, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore, type Store } from '../../src/store/leveldb/open.js';
import type { Run } from '../../src/store/ports.js';
import { error, filesOf, key, largest, OWNER, openTestStore, put, tableWith, temporaryDirectory } from './harness.js';

const VALUE_BYTES = 60_000;
const values = Array.from({ length: 8 }, (_, i) => Buffer.alloc(VALUE_BYTES, i + 1));

let original: string;
let run: Run;

/** A closed store whose rows and blobs lie in tables. */
beforeAll(async () => {
  original = await mkdtemp(join(tmpdir(), 'coffer-tables-'));
  const store = await openStore(original, { freeSpaceFloorBytes: 0, blobs: 'leveldb' });
  for (let n = 0; n < 5; n++) {
    await store.meta.commit({ puts: Array.from({ length: 16 }, (_, i) => put(n * 100 + i, 60_000)) });
  }
  run = await store.blobs.put(OWNER, values, 0);
  await store.close();
  const again = await openStore(original, { freeSpaceFloorBytes: 0 });
  await again.compactMeta();
  await again.close();
});
afterAll(() => rm(original, { recursive: true, force: true }));

async function inTables(): Promise<string> {
  const copy = await temporaryDirectory();
  await cp(original, copy, { recursive: true });
  return copy;
}

async function zero(path: string, offset: number, bytes = 4096): Promise<void> {
  const file = await open(path, 'r+');
  const { size } = await file.stat();
  await file.write(Buffer.alloc(Math.min(bytes, size - offset)), 0, undefined, offset);
  await file.close();
}

const tableOf = async (directory: string, name: 'meta' | 'blob') => largest(await filesOf(directory, name, /\.ldb$/));

async function readAll(store: Store): Promise<boolean> {
  const snapshot = store.blobs.snapshot();
  try {
    const read = await snapshot.read(OWNER, run, 0, run.count);
    return read.every((value, i) => value.equals(values[i]!));
  } finally {
    await snapshot.close();
  }
}

describe('a zeroed page', () => {
  it('anywhere in a table of blob stops the start and is named, or is in a value, which is told and differs', async () => {
    const { size } = await stat(await tableOf(original, 'blob'));
    const outcomes = { refused: 0, told: 0 };
    // Block after block: where entries begin, within values, at the index and the footer.
    for (let at = 0; at < size; at += Math.floor(VALUE_BYTES / 1.5)) {
      const copy = await inTables();
      const table = await tableOf(copy, 'blob');
      await zero(table, at);
      const troubles: string[] = [];
      const opened = await openTestStore(copy, { onTrouble: (message) => void troubles.push(message) }).catch(
        (failure: Error) => failure,
      );
      if (opened instanceof Error) {
        expect(opened, `zeroed at ${at}`).toEqual(error('StoreDamaged', `${table} is damaged`));
        outcomes.refused++;
        continue;
      }
      expect(troubles[0], `zeroed at ${at}`).toContain(`${table} is damaged: a value`);
      expect(await readAll(opened)).toBe(false);
      await opened.close();
      outcomes.told++;
    }
    expect(outcomes.refused).toBeGreaterThan(1);
    expect(outcomes.told).toBeGreaterThan(5);
  });

  it.each(['meta', 'blob'] as const)('at the end of a table of %s stops the start and names it', async (name) => {
    const directory = await inTables();
    const table = await tableOf(directory, name);
    await zero(table, (await stat(table)).size - 4096);
    await expect(openTestStore(directory)).rejects.toThrow(error('StoreDamaged', `${table} is damaged`));
  });

  const uses: [string, (store: Store) => Promise<unknown>][] = [
    ['a read', readAll],
    ['a deletion', ({ blobs }) => blobs.delete(OWNER, [run])],
    [
      'a listing of runs',
      async ({ blobs }) => {
        for await (const _ of blobs.list());
      },
    ],
  ];
  it.each(uses)(
    'in a large store is met before LevelDB meets it: %s of blobs is an error that names it',
    async (_, use) => {
      const directory = await inTables();
      // The run's first block, and its reverse row.
      const table = await tableOf(directory, 'blob');
      await zero(table, VALUE_BYTES - 1000);
      // A start reads the mark, and with it that table: then this is where it is named.
      const store = await openTestStore(directory, { verifyBeforeOpenBytes: 0 }).catch((failure: Error) => failure);
      const used = store instanceof Error ? Promise.reject(store) : use(store);
      await expect(used).rejects.toThrow(error('StoreDamaged', table));
    },
  );

  it.each([
    ['get', ({ meta }: Store, at: Buffer) => meta.get(at)],
    ['getMany', ({ meta }: Store, at: Buffer) => meta.getMany([at])],
    ['range', ({ meta }: Store, at: Buffer) => meta.range({ gte: at, lt: Buffer.from('l'), limit: 10 })],
    [
      'a check',
      ({ meta }: Store, at: Buffer) =>
        meta.commit({ checks: [{ key: at, revision: 'absent' }], puts: [{ key: Buffer.from('new'), value: at }] }),
    ],
    ['compaction', (store: Store) => store.compactMeta()],
  ] as const)(
    'in a large store is met before LevelDB meets it: %s of rows is an error that names it',
    async (_, use) => {
      const directory = await inTables();
      const table = await tableWith(directory, 'meta', key(415));
      await zero(table, 0);
      const store = await openTestStore(directory, { verifyBeforeOpenBytes: 0 });
      await expect(use(store, key(415))).rejects.toThrow(error('StoreDamaged', table));
    },
  );

  it('that may have ended the last process is looked for before LevelDB is let in, however large the store is', async () => {
    const directory = await inTables();
    const table = await tableWith(directory, 'meta', key(415));
    await zero(table, 0);
    await writeFile(join(directory, 'verifying'), '');
    await expect(openTestStore(directory, { verifyBeforeOpenBytes: 0 })).rejects.toThrow(error('StoreDamaged', table));
  });
});

describe('a table', () => {
  it.each(['meta', 'blob'] as const)('of %s that is missing or of another length is named', async (name) => {
    for (const verifyBeforeOpenBytes of [0, 2 ** 30]) {
      const directory = await inTables();
      const table = await tableOf(directory, name);
      const copy = await inTables();
      await unlink(table);
      const opening = openTestStore(directory, { verifyBeforeOpenBytes });
      await expect(opening).rejects.toThrow(error('StoreDamaged', `${table} is missing`));
      const cut = await tableOf(copy, name);
      await (await open(cut, 'a').then(async (file) => file.appendFile('x').then(() => file))).close();
      await expect(openTestStore(copy, { verifyBeforeOpenBytes })).rejects.toThrow(
        error('StoreDamaged', `${cut} is damaged`),
      );
    }
  });

  it('is verified in the background of a large store; until then the store says so, for the next start', async () => {
    const directory = await inTables();
    const store = await openTestStore(directory, { verifyBeforeOpenBytes: 0 });
    const there = () =>
      stat(join(directory, 'verifying')).then(
        () => true,
        () => false,
      );
    await expect.poll(there).toBe(false);
    expect(await readAll(store)).toBe(true);
  });
});
