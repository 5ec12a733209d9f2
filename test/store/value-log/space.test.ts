import { closeSync, fstatSync, openSync, readdirSync, writeSync } from 'node:fs';
import { crc32c } from '@node-rs/crc32';
import { expect, test } from 'vitest';
import type { WriteProbe } from '../../../src/store/leveldb/database.js';
import { error, key, OWNER, temporaryDirectory } from '../harness.js';
import { BYTES, expectWhole, holds, open, type Stored, segmentBytes, segmentsOf, store } from './harness.js';

const AT_ONCE = { reclaim: { enabled: true, pauseMs: 1 } };
const runs = (some: Stored[]) => some.map(({ run }) => run);

test('segments go when all in them is deleted, but never under a reader', async () => {
  const directory = await temporaryDirectory();
  const opened = await open(directory, AT_ONCE);
  const stored: Stored[] = [];
  for (let i = 0; i < 9; i++) stored.push(await store(opened));
  const snapshot = opened.blobs.snapshot();
  const held = (await snapshot.extents!(OWNER, stored[0]!.run, 0, 1))!;
  await opened.blobs.delete(OWNER, runs(stored));
  // Comes and goes: waits for nobody but those who were there.
  await expect(holds(opened, stored[0]!)).rejects.toThrow(error('BlobMissing'));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await segmentsOf(directory)).toHaveLength(3);
  for (const { run, values } of stored) {
    const read = await snapshot.read(OWNER, run, 0, run.count);
    expect(read.every((value, i) => value.equals(values[i]!))).toBe(true);
  }
  const { fd, length } = held.extents[0]!;
  expect(fstatSync(fd).size).toBeGreaterThan(length);
  await snapshot.close();
  await expect.poll(() => segmentsOf(directory), { timeout: 20_000 }).toEqual([]);
  // Its row goes a moment after the file.
  await expect
    .poll(() => opened.blobs.layout!())
    .toEqual({ large: 'value-log', segments: 0, liveBytes: 0, deadBytes: 0 });
});

test('what lives in mostly dead segments moves and keeps its numbers; who reads it meanwhile reads on', async () => {
  const directory = await temporaryDirectory();
  const opened = await open(directory, AT_ONCE);
  const stored: Stored[] = [];
  for (let i = 0; i < 24; i++) stored.push(await store(opened));
  const kept = stored.filter((_, i) => i % 4 === 1);
  const snapshot = opened.blobs.snapshot();
  await snapshot.read(OWNER, kept[0]!.run, 0, 1);
  await opened.blobs.delete(OWNER, runs(stored.filter((one) => !kept.includes(one))));
  const moved = () => opened.blobs.layout!().deadBytes < 3 * BYTES;
  await expect.poll(moved, { timeout: 20_000 }).toBe(false);
  for (const { run, values } of stored) {
    const read = await snapshot.read(OWNER, run, 0, run.count);
    expect(read.every((value, i) => value.equals(values[i]!))).toBe(true);
  }
  await expectWhole(opened, kept);
  await snapshot.close();
  await expect.poll(moved, { timeout: 20_000 }).toBe(true);
  expect(await segmentBytes(directory)).toBeLessThan(2 * kept.length * BYTES + 1_300_000);
  await expectWhole(opened, kept);
  await opened.close();
  const again = await open(directory);
  await expectWhole(again, kept);
  await again.blobs.delete(OWNER, runs(kept));
  for await (const entry of again.blobs.list()) expect(entry).toBeUndefined();
});

test('overwriting again and again while bodies move and are read takes at most a few times what lives', async () => {
  const directory = await temporaryDirectory();
  const opened = await open(directory, AT_ONCE);
  const living = new Map<number, Stored>();
  let most = 0;
  for (let i = 0; i < 150; i++) {
    const slot = (i * 7) % 12;
    const before = living.get(slot);
    living.set(slot, await store(opened, 150_000 + (i % 5) * 40_000));
    if (before) await opened.blobs.delete(OWNER, [before.run]);
    if (i % 10 === 0) for (const one of living.values()) expect(await holds(opened, one)).toBe(true);
    most = Math.max(most, opened.blobs.layout!().segments);
  }
  await expectWhole(opened, [...living.values()]);
  await expect.poll(() => segmentBytes(directory), { timeout: 20_000 }).toBeLessThan(2 * 12 * 310_000 + 1_300_000);
  await opened.close();
  await expectWhole(await open(directory), [...living.values()]);
});

test('few files stay open, however many are read', async () => {
  const directory = await temporaryDirectory();
  const opened = await open(directory, { segmentMinBytes: 1 });
  const stored: Stored[] = [];
  for (let i = 0; i < 150; i++) stored.push(await store(opened, 140_000));
  expect(await segmentsOf(directory)).toHaveLength(150);
  const openFiles = () => readdirSync('/proc/self/fd').length;
  const before = openFiles();
  await expectWhole(opened, stored);
  expect(openFiles()).toBeLessThan(before + 5);
  await opened.close();
  expect(openFiles()).toBeLessThan(before - 120);
});

test('below the free-space floor no room is given, and deletions give space back', async () => {
  let free = 10_000_000_000;
  let nowMs = 0;
  const directory = await temporaryDirectory();
  const opened = await open(directory, {
    ...AT_ONCE,
    freeSpaceFloorBytes: 5_000_000_000,
    measureFreeBytes: async () => free,
    nowMs: () => nowMs,
  });
  const one = await store(opened);
  free = 4_000_000_000;
  nowMs += 1001;
  await opened.meta.commit({ puts: [{ key: key('tick'), value: Buffer.of(1) }] }).catch(() => {});
  await new Promise(setImmediate);
  await expect(store(opened)).rejects.toThrow('4000000000 bytes free');
  await expect(opened.blobs.reserve!(OWNER, [1])).rejects.toThrow('4000000000 bytes free');
  await opened.blobs.delete(OWNER, [one.run]);
  await expect.poll(() => segmentsOf(directory), { timeout: 20_000 }).toEqual([]);
});

/** Fails the next step of a kind. */
class Saboteur implements WriteProbe {
  next: { step: string; code: string } | undefined;

  file(step: string): void {
    const { next } = this;
    if (next?.step !== step) return;
    this.next = undefined;
    throw Object.assign(new Error(next.code), { code: next.code });
  }
}

test.each(['create', 'list', 'write'])('a full disk at "%s" fails that body alone', async (step) => {
  const probe = new Saboteur();
  const opened = await open(await temporaryDirectory(), { probe, ...(step === 'write' ? {} : { segmentMinBytes: 1 }) });
  const before = await store(opened);
  probe.next = { step, code: 'ENOSPC' };
  await expect(store(opened)).rejects.toThrow(error('StoreUnavailable', 'ENOSPC'));
  await expectWhole(opened, [before, await store(opened)]);
});

test('a sync that fails is never trusted again: nothing is acknowledged, and what comes goes to another segment', async () => {
  const directory = await temporaryDirectory();
  const probe = new Saboteur();
  const troubles: string[] = [];
  const opened = await open(directory, { probe, onTrouble: (message) => void troubles.push(message) });
  const before = await store(opened);
  const mark = opened.blobs.mark();
  const late = await opened.blobs.reserve!(OWNER, [BYTES]);
  const [first] = await segmentsOf(directory);
  probe.next = { step: 'sync', code: 'EIO' };
  const two = await Promise.allSettled([store(opened), store(opened)]);
  expect(two.map((one) => (one as PromiseRejectedResult).reason?.name)).toEqual([
    'StoreUnavailable',
    'StoreUnavailable',
  ]);
  expect(troubles).toEqual([expect.stringContaining('EIO')]);
  await expect.poll(() => holds(opened, before).catch(() => false)).toBe(true);
  const after = await store(opened);
  expect((await segmentsOf(directory)).length).toBe(2);
  // Who had room before writes on, into what is nobody's by now.
  const bytes = Buffer.alloc(BYTES, 7);
  writeSync(late.fd, bytes, 0, BYTES, late.offset);
  await expect(late.commit(crc32c(bytes))).rejects.toThrow(error('StoreUnavailable', 'reopened'));
  await expectWhole(opened, [before, after]);
  const listed = [];
  for await (const { run } of opened.blobs.left([OWNER], mark)) listed.push(run);
  expect(listed).toEqual([after.run]);
  await opened.close();
  expect(await segmentsOf(directory)).toContain(first);
  await expectWhole(await open(directory), [before, after]);
});

test('a file that is given back is closed: its number may be anything then', async () => {
  const opened = await open(await temporaryDirectory(), { segmentMinBytes: 1 });
  const room = await opened.blobs.reserve!(OWNER, [10]);
  await opened.close();
  expect(fstatSync(room.fd).isFile()).toBe(true);
  await room.abandon();
  const probe = openSync('/dev/null', 'r');
  closeSync(probe);
  await expect(opened.blobs.reserve!(OWNER, [10])).rejects.toThrow(error('StoreUnavailable'));
});
