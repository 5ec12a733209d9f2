import { cp, open, readFile, rm, stat, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkTable } from '../../src/store/leveldb/table-check.js';
import {
  error,
  filesOf,
  flipBit,
  key,
  largest,
  OWNER,
  openTestStore,
  put,
  tableWith,
  temporaryDirectory,
} from './harness.js';

/** A closed store whose rows lie in the logs. */
async function written(blobs: 'value-log' | 'leveldb' = 'value-log'): Promise<string> {
  const directory = await temporaryDirectory();
  const store = await openTestStore(directory, { blobs });
  for (let n = 0; n < 200; n++) await store.meta.commit({ puts: [put(n, 1000)] });
  for (let n = 0; n < 4; n++) await store.blobs.put(OWNER, [Buffer.alloc(200_000, n), Buffer.alloc(100_000, n)], 0);
  await store.meta.commit({ puts: [put('last')] });
  await store.close();
  return directory;
}

/** As after a power cut or SIGKILL: nobody says that the store was closed in order. */
const forgetCleanClose = (directory: string) => unlink(join(directory, 'clean'));

const reopen = async (directory: string) => (await openTestStore(directory)).close();

describe('damaged files', () => {
  it.each([
    ['closed', 'meta', 'value-log'],
    ['closed', 'blob', 'value-log'],
    ['closed', 'blob', 'leveldb'],
    ['killed', 'meta', 'value-log'],
    ['killed', 'blob', 'value-log'],
    ['killed', 'blob', 'leveldb'],
  ] as const)(
    'a flipped bit anywhere in a log of a %s store stops the start and names the file (%s, %s)',
    async (how, database, blobs) => {
      const original = await written(blobs);
      if (how === 'killed') await forgetCleanClose(original);
      const { size } = await stat(await largest(await filesOf(original, database, /\.log$/)));
      // Header fields of the first record, then all over the file. The last record of a killed store is another test's.
      // Of runs in the value log only rows stand in the log: its records are short.
      const last = database === 'blob' && blobs === 'value-log' ? 200 : 1200;
      const end = how === 'closed' ? size : size - last;
      const offsets = [0, 4, 5, 6, ...Array.from({ length: 16 }, (_, i) => 7 + Math.floor(((end - 8) * i) / 15))];
      for (const offset of offsets) {
        const directory = await temporaryDirectory();
        await cp(original, directory, { recursive: true });
        const log = await largest(await filesOf(directory, database, /\.log$/));
        await flipBit(log, offset);
        const name = how === 'closed' ? database : log;
        await expect(reopen(directory), `offset ${offset} of ${size}`).rejects.toThrow(error('StoreDamaged', name));
        // Refusing has changed nothing: it is refused again.
        await expect(reopen(directory)).rejects.toThrow(error('StoreDamaged'));
      }
    },
  );

  it('the last acknowledged write of a killed store is guarded by the mark that follows it', async () => {
    const directory = await temporaryDirectory();
    const store = await openTestStore(directory);
    await store.meta.commit({ puts: [put('only', 5000)] });
    await expect
      .poll(async () => (await stat((await filesOf(directory, 'meta', /\.log$/))[0]!)).size)
      .toBeGreaterThan(5100);
    const copy = await temporaryDirectory();
    await cp(directory, copy, { recursive: true });
    await flipBit((await filesOf(copy, 'meta', /\.log$/))[0]!, 2500);
    await expect(reopen(copy)).rejects.toThrow(error('StoreDamaged', join(copy, 'meta')));
  });

  it.each(['value-log', 'leveldb'] as const)(
    'the last blob of a killed store is guarded by the commit that names it (%s)',
    async (blobs) => {
      const directory = await temporaryDirectory();
      const store = await openTestStore(directory, { blobs });
      await store.blobs.put(OWNER, [Buffer.alloc(300_000, 7)], 0);
      await store.meta.commit({ puts: [put('names it')] });
      const copy = await temporaryDirectory();
      await cp(directory, copy, { recursive: true });
      const [log] = await filesOf(copy, 'blob', /\.log$/);
      await flipBit(log!, Math.floor((await stat(log!)).size * 0.75));
      await expect(reopen(copy)).rejects.toThrow(error('StoreDamaged', join(copy, 'blob')));
      await expect(reopen(copy)).rejects.toThrow(error('StoreDamaged', join(copy, 'blob')));
    },
  );

  it('a write that was cut off is dropped, all acknowledged ones are there', async () => {
    const original = await temporaryDirectory();
    const store = await openTestStore(original);
    for (let n = 0; n < 50; n++) await store.meta.commit({ puts: [put(n, 1000)] });
    const [log] = await filesOf(original, 'meta', /\.log$/);
    const { size } = await stat(log!);
    const progress = await readFile(join(original, 'progress'));
    await store.meta.commit({ puts: [put('torn', 40_000)] });
    const copyOf = async () => {
      const directory = await temporaryDirectory();
      await cp(original, directory, { recursive: true });
      // Nobody had been told of it.
      await writeFile(join(directory, 'progress'), progress);
      return { directory, path: (await filesOf(directory, 'meta', /\.log$/))[0]! };
    };
    for (const kept of [1, 6, 7, 100, 20_000, 39_999]) {
      const { directory, path } = await copyOf();
      await truncate(path, size + kept);
      const recovered = await openTestStore(directory);
      expect(await recovered.meta.get(key(49)), `${kept} bytes kept`).toBeDefined();
      expect(await recovered.meta.get(key('torn'))).toBeUndefined();
      await recovered.close();
    }
    // As some file systems leave it: the length is there, the bytes are not.
    const { directory, path } = await copyOf();
    await truncate(path, size + 100);
    await truncate(path, size + 40_000);
    const recovered = await openTestStore(directory);
    expect(await recovered.meta.get(key(49))).toBeDefined();
    await recovered.close();
    await (await openTestStore(directory)).close();
  });

  it('a log that is missing or shorter after an orderly close stops the start', async () => {
    for (const damage of [unlink, (log: string) => truncate(log, 0), (log: string) => truncate(log, 60_000)]) {
      const directory = await written();
      await damage((await filesOf(directory, 'meta', /\.log$/)).at(-1)!);
      await expect(reopen(directory)).rejects.toThrow(error('StoreDamaged', 'meta'));
    }
  });

  it('a missing or damaged CURRENT or MANIFEST stops the start and is never replaced by an empty database', async () => {
    for (const pattern of [/^CURRENT$/, /^MANIFEST/]) {
      const directory = await written();
      const [file] = await filesOf(directory, 'meta', pattern);
      const bytes = await readFile(file!);
      for (let offset = 0; offset < bytes.length; offset += Math.ceil(bytes.length / 12)) {
        await flipBit(file!, offset);
        await expect(reopen(directory), `${file} at ${offset}`).rejects.toThrow(error('StoreDamaged', 'meta'));
        await writeFile(file!, bytes);
      }
      await unlink(file!);
      await expect(reopen(directory)).rejects.toThrow(error('StoreDamaged', 'meta'));
      await writeFile(file!, bytes);
      await reopen(directory);
    }
  });

  it('a missing database or format file stops the start', async () => {
    const directory = await written();
    const format = await readFile(join(directory, 'format'));
    await unlink(join(directory, 'format'));
    await expect(reopen(directory)).rejects.toThrow(error('StoreDamaged', 'format is missing'));
    await writeFile(join(directory, 'format'), 'rubbish');
    await expect(reopen(directory)).rejects.toThrow(error('StoreDamaged', 'format is damaged'));
    await writeFile(join(directory, 'format'), format);
    await rm(join(directory, 'blob'), { recursive: true });
    await expect(reopen(directory)).rejects.toThrow(error('StoreDamaged', 'blob'));
  });

  it('a flipped bit in a table of meta stops the start and names the file, wherever it is', async () => {
    const original = await written();
    await reopen(original); // recovery moves the rows from the log into tables
    const table = await largest(await filesOf(original, 'meta', /\.ldb$/));
    const { size } = await stat(table);
    await checkTable({ path: table, bytes: size });
    for (let i = 0; i < 12; i++) {
      const directory = await temporaryDirectory();
      await cp(original, directory, { recursive: true });
      const copy = await largest(await filesOf(directory, 'meta', /\.ldb$/));
      // The footer's filler is the only part that no checksum covers and nobody reads.
      await flipBit(copy, Math.floor(((size - 49) * i) / 11));
      await expect(reopen(directory), `offset ${i}/11`).rejects.toThrow(error('StoreDamaged', copy));
    }
  });

  it('a flipped bit in a large meta is found in the background, and from then on nothing is served', async () => {
    const directory = await written();
    const filled = await openTestStore(directory);
    for (let n = 0; n < 5; n++) {
      await filled.meta.commit({ puts: Array.from({ length: 16 }, (_, i) => put(`large${n}${i}`, 60_000)) });
    }
    await filled.compactMeta();
    await filled.close();
    // Not the one with the engine's own rows, which are read at once.
    const table = await tableWith(directory, 'meta', key('large4'));
    await flipBit(table, 5000);
    const troubles: string[] = [];
    const store = await openTestStore(directory, {
      verifyBeforeOpenBytes: 0,
      onTrouble: (message) => void troubles.push(message),
    });
    await expect.poll(() => troubles).toEqual([expect.stringContaining(table)]);
    await expect(store.meta.get(key(1))).rejects.toThrow(error('StoreDamaged', table));
    await expect(store.meta.commit({ puts: [put(1)] })).rejects.toThrow(error('StoreDamaged', table));
  });

  it('a flipped bit in a stored blob is never read as another number: the value differs or is missing', async () => {
    const directory = await temporaryDirectory();
    const store = await openTestStore(directory, { blobs: 'leveldb' });
    const values = Array.from({ length: 8 }, (_, i) => Buffer.alloc(50_000, i + 1));
    const run = await store.blobs.put(OWNER, values, 0);
    await store.close();
    await reopen(directory);
    const table = await largest(await filesOf(directory, 'blob', /\.ldb$/));
    const file = await open(table, 'r');
    const { size } = await file.stat();
    await file.close();
    let noticed = 0;
    for (let i = 0; i < 10; i++) {
      const copy = await temporaryDirectory();
      await cp(directory, copy, { recursive: true });
      await flipBit(await largest(await filesOf(copy, 'blob', /\.ldb$/)), Math.floor((size * i) / 10));
      const opened = await openTestStore(copy).catch((failure: Error) => failure);
      if (opened instanceof Error) {
        noticed++;
        continue;
      }
      const snapshot = opened.blobs.snapshot();
      const read = await snapshot.read(OWNER, run, 0, run.count).catch(() => 'refused');
      if (read === 'refused' || !(read as Buffer[]).every((value, j) => value.equals(values[j]!))) noticed++;
      await snapshot.close();
      await opened.close();
    }
    expect(noticed).toBeGreaterThanOrEqual(8);
  });

  it('what LevelDB reports to have dropped stops this start and every later one', async () => {
    const directory = await written();
    await writeFile(join(directory, 'damaged'), 'meta: LevelDB reports: dropping 17 bytes\n');
    await expect(reopen(directory)).rejects.toThrow(error('StoreDamaged', 'dropping 17 bytes'));
    await unlink(join(directory, 'damaged'));
    await reopen(directory);
  });
});
