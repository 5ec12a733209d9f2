import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openTestStore, temporaryDirectory } from './harness.js';

const tables = async (dir: string): Promise<string[]> =>
  (await readdir(join(dir, 'meta'))).filter((name) => name.endsWith('.ldb')).sort();

async function holds(dir: string, text: string): Promise<boolean> {
  const names = (await readdir(join(dir, 'meta'))).filter((name) => /\.(ldb|log)$/.test(name));
  const contents = await Promise.all(names.map((name) => readFile(join(dir, 'meta', name))));
  return contents.some((content) => content.includes(text));
}

const rows = (prefix: string, text: string) =>
  Array.from({ length: 300 }, (_, i) => ({
    key: Buffer.from(`${prefix}/${String(i).padStart(4, '0')}`),
    value: Buffer.from(text.repeat(500)),
  }));

test('compacting meta leaves none of its old files, and nothing of what was overwritten or deleted', async () => {
  const dir = await temporaryDirectory();
  let store = await openTestStore(dir);
  const commit = async (puts: { key: Buffer; value: Buffer }[], dels: Buffer[] = []) => {
    for (let i = 0; i < 300; i += 50)
      await store.meta.commit({ puts: puts.slice(i, i + 50), dels: dels.slice(i, i + 50) });
  };
  // Three ranges that don't overlap, each in files of its own.
  for (const prefix of ['a', 'm', 'z']) {
    await commit(rows(prefix, 'first'));
    await store.compactMeta();
    await store.close();
    store = await openTestStore(dir);
  }
  const before = await tables(dir);
  expect(before.length).toBeGreaterThan(1);
  await commit(rows('m', 'newer'));
  await commit(
    [],
    rows('z', '').map(({ key }) => key),
  );
  expect(await holds(dir, 'first'.repeat(400))).toBe(true);
  await store.compactMeta();
  const after = await tables(dir);
  expect(after.filter((name) => before.includes(name))).toEqual([]);
  const found = await store.meta.range({ gte: Buffer.from('a'), lt: Buffer.from('zz'), limit: 1000 });
  expect(found).toHaveLength(600);
  expect(found.map(({ value }) => value.toString('latin1', 0, 5))).toEqual([
    ...Array(300).fill('first'),
    ...Array(300).fill('newer'),
  ]);
  // Once more, with nothing written since: every file is rewritten all the same.
  await store.compactMeta();
  expect((await tables(dir)).filter((name) => after.includes(name))).toEqual([]);
  await commit(rows('a', 'other'));
  await store.compactMeta();
  expect(await holds(dir, 'first'.repeat(400))).toBe(false);
  await store.close();
});

test('commits go on while meta is compacted', async () => {
  const dir = await temporaryDirectory();
  const store = await openTestStore(dir);
  const puts = rows('a', 'first');
  for (let i = 0; i < 300; i += 50) await store.meta.commit({ puts: puts.slice(i, i + 50) });
  await store.compactMeta();
  const key = puts[0]!.key;
  const compacting = store.compactMeta();
  for (let i = 0; i < 50; i++) await store.meta.commit({ puts: [{ key, value: Buffer.from(String(i)) }] });
  await compacting;
  expect((await store.meta.get(key))!.value.toString()).toBe('49');
  await store.close();
});
