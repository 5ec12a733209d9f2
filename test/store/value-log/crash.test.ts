import { cpSync, readdirSync, truncateSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { WriteProbe } from '../../../src/store/leveldb/database.js';
import { error, key, OWNER, put, temporaryDirectory } from '../harness.js';
import { expectWhole, holds, open, type Stored, segmentsOf, store } from './harness.js';

/** What had been acknowledged when a copy was made, and what was on its way to be deleted. */
interface Moment {
  step: string;
  directory: string;
  stored: Stored[];
  leaving: Stored[];
}

/**
 * Copies the data directory before every step on a file and around every batch: what a crash there would leave. `lossy`: without
 * the bytes of segments that were not synced.
 */
async function everyMoment(lossy: boolean): Promise<Moment[]> {
  const directory = await temporaryDirectory();
  const copies = await temporaryDirectory();
  const moments: Moment[] = [];
  const stored: Stored[] = [];
  const leaving: Stored[] = [];
  const synced = new Map<string, number>();
  let syncing: { path: string; bytes: number } | undefined;
  let watching = false;
  const capture = (step: string): void => {
    if (!watching) return;
    const copy = join(copies, String(moments.length));
    cpSync(directory, copy, { recursive: true });
    for (const name of lossy ? readdirSync(join(copy, 'segments')) : []) {
      if (name.endsWith('.seg')) truncateSync(join(copy, 'segments', name), synced.get(name) ?? 0);
    }
    moments.push({ step, directory: copy, stored: [...stored], leaving: [...leaving] });
  };
  const probe: WriteProbe = {
    before: ({ database }) => {
      // A batch follows the sync that its rows need.
      if (syncing) synced.set(syncing.path, syncing.bytes);
      capture(`before a batch in ${database}`);
    },
    after: ({ database }) => capture(`after a batch in ${database}`),
    async file(step, path) {
      capture(`before ${step}`);
      const bytes = await stat(path).then(
        ({ size }) => size,
        () => 0,
      );
      if (step === 'sync') syncing = { path: path.slice(path.lastIndexOf('/') + 1), bytes };
      if (step === 'list') synced.set(path.slice(path.lastIndexOf('/') + 1), bytes);
    },
  };
  const opened = await open(directory, { probe, reclaim: { enabled: true, pauseMs: 1 } });
  await opened.meta.commit({ puts: [put('before')] });
  watching = true;
  const keep = async (bytes?: number): Promise<Stored> => {
    const one = await store(opened, bytes);
    await opened.meta.commit({ puts: [put(one.run.first)] });
    stored.push(one);
    return one;
  };
  const drop = async (...some: Stored[]): Promise<void> => {
    leaving.push(...some);
    for (const one of some) stored.splice(stored.indexOf(one), 1);
    await opened.blobs.delete(
      OWNER,
      some.map(({ run }) => run),
    );
  };
  const first = [await keep(), await keep(1000), await keep(), await keep()];
  const second = [await keep(400_000), await keep(), await keep(1_200_000)];
  // The first segment is mostly dead then: what is left of it moves.
  await drop(first[0]!, first[2]!);
  await drop(second[2]!);
  await expect.poll(async () => (await segmentsOf(directory)).length, { timeout: 20_000 }).toBeLessThanOrEqual(2);
  watching = false;
  await expectWhole(opened, stored);
  await opened.close();
  return moments;
}

test.each([
  ['all that was written is there', false],
  ['what was not synced is lost', true],
])(
  'a crash between any two steps, where %s: what was acknowledged is whole, the rest whole or absent',
  async (_, lossy) => {
    const moments = await everyMoment(lossy);
    expect(new Set(moments.map(({ step }) => step)).size).toBeGreaterThanOrEqual(8);
    // Early ones are alike in much; moves and removals come late.
    for (const [i, { step, directory, stored, leaving }] of moments.entries()) {
      if (lossy && i % 2 === 1) continue;
      const troubles: string[] = [];
      const opened = await open(directory, { onTrouble: (message) => void troubles.push(message) });
      await expectWhole(opened, stored);
      for (const one of leaving)
        expect(await holds(opened, one).catch(({ name }) => name), step).toBeOneOf([true, 'BlobMissing']);
      const next = await store(opened);
      for (const { run } of [...stored, ...leaving]) expect(next.run.first).toBeGreaterThan(run.first + run.count - 1);
      await expectWhole(opened, [next]);
      await opened.close();
      expect(troubles, `${i}: ${step}`).toEqual([]);
    }
  },
  120_000,
);

test('bytes behind the last frame are cut off, a file without a row is removed, and writing goes on in the same segment', async () => {
  const directory = await temporaryDirectory();
  const opened = await open(directory);
  const kept = await store(opened);
  const room = await opened.blobs.reserve!(OWNER, [50_000]);
  const [segment] = await segmentsOf(directory);
  const { size } = await stat(segment!);
  await opened.blobs.put(OWNER, [Buffer.alloc(200_000)], 0).then((run) => opened.blobs.delete(OWNER, [run]));
  const copy = await temporaryDirectory();
  cpSync(directory, copy, { recursive: true });
  cpSync(segment!, join(copy, 'segments', '00000000000fffff.seg'));
  await room.abandon();
  const again = await open(copy);
  const [first, ...others] = await segmentsOf(copy);
  expect(others).toEqual([]);
  const next = await store(again);
  await expectWhole(again, [kept, next]);
  expect(await segmentsOf(copy)).toEqual([first]);
  expect((await stat(first!)).size).toBeGreaterThan(size);
});

test('a store that was made without segments opens, moves over as it is written, and is then refused by programs that know none', async () => {
  const directory = await temporaryDirectory();
  const before = await open(directory, { blobs: 'leveldb' });
  const old = await store(before);
  expect(before.blobs.reserve).toBeUndefined();
  expect(before.blobs.layout!()).toMatchObject({ large: 'leveldb', segments: 0 });
  await before.close();
  const version = async () => JSON.parse(await readFile(join(directory, 'format'), 'utf8')).version;
  expect(await version()).toBe(1);
  const after = await open(directory);
  expect(await version()).toBe(1);
  const fresh = await store(after);
  expect(await version()).toBe(2);
  await expectWhole(after, [old, fresh]);
  await after.close();
  const back = await open(directory, { blobs: 'leveldb', reclaim: { enabled: true, pauseMs: 1 } });
  await expectWhole(back, [old, fresh, await store(back)]);
  expect(await segmentsOf(directory)).toHaveLength(1);
  await back.meta.commit({ puts: [{ key: key('x'), value: Buffer.of(1) }] });
  await back.blobs.delete(OWNER, [fresh.run]);
  await expect.poll(() => segmentsOf(directory)).toEqual([]);
  await expect(holds(back, fresh)).rejects.toThrow(error('BlobMissing'));
});
