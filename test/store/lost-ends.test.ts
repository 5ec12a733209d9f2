import { cp, mkdir, readFile, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scanLog } from '../../src/store/leveldb/log-scan.js';
import { error, filesOf, key, largest, OWNER, openTestStore, put, temporaryDirectory } from './harness.js';

type Name = 'meta' | 'blob';

const reopen = async (directory: string) => (await openTestStore(directory)).close();

/** What a killed process leaves: a copy of an open store's files. `earlier` rows lie in tables, the rest in the logs. */
async function killed(write: (store: Awaited<ReturnType<typeof openTestStore>>) => Promise<void>): Promise<string> {
  const live = await temporaryDirectory();
  const first = await openTestStore(live);
  await first.meta.commit({ puts: [put('earlier')] });
  await first.blobs.put(OWNER, [Buffer.alloc(1000)], 0);
  await first.close();
  const store = await openTestStore(live);
  await write(store);
  const copy = await temporaryDirectory();
  await cp(live, copy, { recursive: true });
  return copy;
}

/** Small objects alone: nothing of them is in `blob`. */
const rowsAlone = () =>
  killed(async ({ meta }) => {
    for (let n = 0; n < 20; n++) await meta.commit({ puts: [put(n, 1000)] });
  });

const blobsAndRows = () =>
  killed(async ({ meta, blobs }) => {
    for (let n = 0; n < 10; n++) {
      await blobs.put(OWNER, [Buffer.alloc(5000, n)], 0);
      await meta.commit({ puts: [put(n)] });
    }
  });

/** A blob that no commit names yet was acknowledged too. */
const blobsLast = () =>
  killed(async ({ blobs }) => {
    for (let n = 0; n < 5; n++) await blobs.put(OWNER, [Buffer.alloc(5000, n)], 0);
  });

async function copyOf(original: string): Promise<string> {
  const copy = await temporaryDirectory();
  await cp(original, copy, { recursive: true });
  return copy;
}

async function logOf(directory: string, name: Name): Promise<string> {
  return largest(await filesOf(directory, name, /\.log$/));
}

async function recordsOf(log: string): Promise<number[]> {
  const offsets: number[] = [];
  await scanLog(log, 12, (_, offset) => void offsets.push(offset));
  return offsets;
}

describe('after an unclean stop', () => {
  it.each([
    ['meta', 'rows alone', rowsAlone],
    ['meta', 'blobs and rows', blobsAndRows],
    ['blob', 'blobs and rows', blobsAndRows],
    ['blob', 'blobs that nothing names yet', blobsLast],
  ] as const)(
    'a log of %s that ends between two records, or is empty or gone, is named (%s)',
    async (name, _, make) => {
      const original = await make();
      await reopen(await copyOf(original));
      const records = await recordsOf(await logOf(original, name));
      expect(records.length).toBeGreaterThan(4);
      // The last acknowledged record is the last or, where the engine's own mark follows it, the one before.
      const cuts = [0, records[1]!, records[Math.floor(records.length / 2)]!, records.at(-2)!];
      for (const cut of cuts) {
        const directory = await copyOf(original);
        const log = await logOf(directory, name);
        await truncate(log, cut);
        await expect(reopen(directory), `cut at ${cut}`).rejects.toThrow(
          error('StoreDamaged', `${log} lacks operations`),
        );
        await expect(reopen(directory)).rejects.toThrow(error('StoreDamaged', `${log} lacks operations`));
      }
      const directory = await copyOf(original);
      await unlink(await logOf(directory, name));
      await expect(reopen(directory)).rejects.toThrow(error('StoreDamaged', `${join(directory, name)} has no log`));
    },
  );

  it('both logs cut back to the same moment are missed as well', async () => {
    const directory = await blobsAndRows();
    for (const name of ['meta', 'blob'] as const) {
      const log = await logOf(directory, name);
      const records = await recordsOf(log);
      await truncate(log, records[3]!);
    }
    await expect(reopen(directory)).rejects.toThrow(error('StoreDamaged', 'which were acknowledged'));
  });

  it('a manifest cut between two edits is named: what it no longer knows LevelDB would delete', async () => {
    const original = await rowsAlone();
    const [manifest] = await filesOf(original, 'meta', /^MANIFEST/);
    const edits = await recordsOf(manifest!);
    expect(edits.length).toBeGreaterThan(1);
    for (const cut of [0, ...edits.slice(1)]) {
      const directory = await copyOf(original);
      const [file] = await filesOf(directory, 'meta', /^MANIFEST/);
      await truncate(file!, cut);
      await expect(reopen(directory), `cut at ${cut}`).rejects.toThrow(error('StoreDamaged', join(directory, 'meta')));
    }
  });

  it('a missing or damaged file `progress` is named; after an orderly close it is made anew', async () => {
    const original = await rowsAlone();
    const missing = await copyOf(original);
    await unlink(join(missing, 'progress'));
    for (let i = 0; i < 2; i++) {
      await expect(reopen(missing)).rejects.toThrow(error('StoreDamaged', `${join(missing, 'progress')} is missing`));
    }
    const damaged = await copyOf(original);
    await writeFile(join(damaged, 'progress'), Buffer.alloc(8192));
    await expect(reopen(damaged)).rejects.toThrow(error('StoreDamaged', `${join(damaged, 'progress')} is damaged`));
    const closed = await copyOf(original);
    await reopen(closed);
    await unlink(join(closed, 'progress'));
    const store = await openTestStore(closed);
    expect(await store.meta.get(key(19))).toBeDefined();
  });

  it('one slot of `progress` that a power cut tore leaves the other', async () => {
    const directory = await rowsAlone();
    const path = join(directory, 'progress');
    const bytes = await readFile(path);
    for (const at of [0, 4096]) {
      const torn = Buffer.from(bytes);
      torn.fill(0xff, at, at + 20);
      const copy = await copyOf(directory);
      await writeFile(join(copy, 'progress'), torn);
      await reopen(copy);
    }
  });

  it('a store whose creation was interrupted starts with no progress', async () => {
    const directory = await rowsAlone();
    await unlink(join(directory, 'format'));
    await writeFile(join(directory, 'creating'), '');
    await rm(join(directory, 'meta'), { recursive: true });
    await mkdir(join(directory, 'meta'));
    const store = await openTestStore(directory);
    await store.meta.commit({ puts: [put('new')] });
    const copy = await copyOf(directory);
    await unlink(await logOf(copy, 'meta'));
    await expect(reopen(copy)).rejects.toThrow(error('StoreDamaged', 'which were acknowledged'));
  });
});
