import { randomBytes } from 'node:crypto';
import { readSync, writeSync } from 'node:fs';
import { crc32c } from '@node-rs/crc32';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BlobStore, Run } from '../../../src/store/ports.js';
import type { Opened } from './meta-store.js';

const OWNER = Buffer.alloc(16, 1);
const OTHER = Buffer.alloc(16, 2);
/** Vitest's own comparison of buffers takes seconds for a megabyte. */
function expectSame(actual: Buffer[], expected: Buffer[]): void {
  expect(actual.map(({ length }) => length)).toEqual(expected.map(({ length }) => length));
  expect(actual.every((value, i) => value.equals(expected[i]!))).toBe(true);
}
const values = (...sizes: number[]): Buffer[] => sizes.map((size) => randomBytes(size));

/** What every BlobStore must do. */
export function blobStoreConformance(name: string, open: () => Promise<Opened<BlobStore>>): void {
  describe(`BlobStore ${name}`, () => {
    let opened: Opened<BlobStore>;
    let store: BlobStore;

    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => opened.close());

    const read = async (first: number, count: number) => {
      const snapshot = store.snapshot();
      try {
        return await snapshot.read(first, count);
      } finally {
        await snapshot.close();
      }
    };
    const listed = async (from?: number) => {
      const found: { owner: Buffer; run: Run }[] = [];
      for await (const entry of store.list(from)) found.push(entry);
      return found;
    };

    it('what was put is read back, in whole and in pieces', async () => {
      const stored = values(100, 512 * 1024, 0, 1024 * 1024, 7);
      const { first, count } = await store.put(OWNER, stored);
      expect(count).toBe(5);
      expectSame(await read(first, 5), stored);
      expectSame(await read(first + 1, 2), stored.slice(1, 3));
      expectSame(await read(first + 4, 1), stored.slice(4));
    });

    it('one snapshot reads on, jumps, and reads across runs', async () => {
      const stored = values(10, 20, 30, 40);
      const a = await store.put(OWNER, stored.slice(0, 2));
      const c = await store.put(OWNER, stored.slice(2));
      expect(c.first).toBe(a.first + 2);
      const snapshot = store.snapshot();
      expect(await snapshot.read(a.first, 1)).toEqual(stored.slice(0, 1));
      expect(await snapshot.read(a.first + 1, 1)).toEqual(stored.slice(1, 2));
      expect(await snapshot.read(c.first, 2)).toEqual(stored.slice(2));
      expect(await snapshot.read(a.first, 4)).toEqual(stored);
      expect(await Promise.all([snapshot.read(a.first, 2), snapshot.read(c.first, 1)])).toEqual([
        stored.slice(0, 2),
        stored.slice(2, 3),
      ]);
      await snapshot.close();
    });

    it('numbers grow, are never given twice, and never lie below an earlier mark', async () => {
      const seen = new Set<number>();
      const runs = await Promise.all(
        Array.from({ length: 40 }, async (_, i) => {
          const mark = store.mark();
          const run = await store.put(OWNER, values(...Array.from({ length: (i % 4) + 1 }, () => 5)));
          expect(run.first).toBeGreaterThanOrEqual(mark);
          return run;
        }),
      );
      for (const { first, count } of runs) {
        for (let i = 0; i < count; i++) {
          expect(seen.has(first + i)).toBe(false);
          seen.add(first + i);
        }
      }
      const highest = Math.max(...seen);
      await store.delete(OWNER, runs);
      expect((await store.put(OWNER, values(1))).first).toBeGreaterThan(highest);
    });

    it('more numbers than are reserved at once are given while puts wait', async () => {
      const tiny = Array.from({ length: 4096 }, () => Buffer.of(1));
      const runs = await Promise.all(Array.from({ length: 20 }, () => store.put(OWNER, tiny)));
      const firsts = runs.map(({ first }) => first).sort((x, y) => x - y);
      expect(firsts.map((first) => first - firsts[0]!)).toEqual(firsts.map((_, i) => i * 4096));
      expect(await read(firsts[19]!, 4096)).toHaveLength(4096);
    });

    it('a gap is BlobMissing', async () => {
      const { first } = await store.put(OWNER, values(1, 2));
      const missing = expect.objectContaining({ name: 'BlobMissing' });
      await expect(read(first + 1, 2)).rejects.toThrow(missing);
      await expect(read(first + 2, 1)).rejects.toThrow(missing);
      await expect(read(first + 1_000_000, 1)).rejects.toThrow(missing);
      await store.delete(OWNER, [{ first, count: 2 }]);
      await store.put(OWNER, values(3));
      await expect(read(first, 2)).rejects.toThrow(missing);
    });

    it('a snapshot still reads what was deleted after it was taken', async () => {
      const stored = values(1000, 1000);
      const run = await store.put(OWNER, stored);
      const snapshot = store.snapshot();
      await store.delete(OWNER, [run]);
      expect(await snapshot.read(run.first, 2)).toEqual(stored);
      await snapshot.close();
      await snapshot.close();
      await expect(read(run.first, 1)).rejects.toThrow('is missing');
      await expect(snapshot.read(run.first, 1)).rejects.toThrow(expect.objectContaining({ name: 'StoreUnavailable' }));
    });

    it('deletion is idempotent', async () => {
      const run = await store.put(OWNER, values(1, 2, 3));
      await store.delete(OWNER, [run]);
      await store.delete(OWNER, [run]);
      await store.delete(OWNER, [{ first: 999_999, count: 3 }]);
      await store.delete(OWNER, []);
      expect(await listed()).toEqual([]);
    });

    it("another owner's run, or one of another length, is left alone", async () => {
      const mine = await store.put(OWNER, values(1, 2));
      const other = await store.put(OTHER, values(3));
      const mismatch = expect.objectContaining({ name: 'OwnerMismatch' });
      await expect(store.delete(OWNER, [mine, other])).rejects.toThrow(mismatch);
      await expect(store.delete(OWNER, [{ first: mine.first, count: 1 }])).rejects.toThrow(mismatch);
      expect(await read(mine.first, 3)).toHaveLength(3);
    });

    it('list yields every run, ascending, from a number on', async () => {
      const runs = [
        await store.put(OWNER, values(1, 2, 3)),
        await store.put(OTHER, values(4)),
        await store.put(OWNER, values(5, 6)),
      ];
      await store.delete(OTHER, [runs[1]!]);
      const mark = store.mark();
      runs.push(await store.put(OTHER, values(7)));
      expect(await listed()).toEqual([
        { owner: OWNER, run: runs[0] },
        { owner: OWNER, run: runs[2] },
        { owner: OTHER, run: runs[3] },
      ]);
      expect(await listed(mark)).toEqual([{ owner: OTHER, run: runs[3] }]);
    });

    it('room that was reserved is a run once it is filled and committed, and nothing before or when it is given back', async () => {
      if (!store.reserve) return;
      const stored = values(300_000, 1, 0, 200_000);
      const bytes = Buffer.concat(stored);
      const mark = store.mark();
      const rooms = await Promise.all(
        [1, 2, 3].map(() =>
          store.reserve!(
            OWNER,
            stored.map(({ length }) => length),
          ),
        ),
      );
      expect(new Set(rooms.map(({ fd, offset }) => `${fd} ${offset}`)).size).toBe(3);
      for (const { fd, offset, length } of rooms) {
        expect(length).toBe(bytes.length);
        for (let at = 0; at < length; at += 100_000)
          writeSync(fd, bytes, at, Math.min(100_000, length - at), offset + at);
      }
      expect(await listed()).toEqual([]);
      await rooms[1]!.abandon();
      const runs = [await rooms[2]!.commit(crc32c(bytes)), await rooms[0]!.commit(crc32c(bytes))];
      await rooms[0]!.abandon();
      await expect(rooms[1]!.commit(crc32c(bytes))).rejects.toThrow('given back');
      expect(await listed(mark)).toEqual(runs.map((run) => ({ owner: OWNER, run })));
      for (const { first, count } of runs) expectSame(await read(first, count), stored);
      await store.delete(OWNER, runs);
      expect(await listed()).toEqual([]);
    });

    it('extents are the bytes that reading gives, as long as the snapshot is open, or there are none', async () => {
      const stored = values(200_000, 200_000, 0, 300_000);
      const [a, b] = [await store.put(OWNER, stored), await store.put(OWNER, stored)];
      const snapshot = store.snapshot();
      await store.delete(OWNER, [a, b]);
      for (const [first, count] of [
        [a.first, 4],
        [a.first + 1, 2],
        [b.first + 3, 1],
        [b.first, 1],
      ] as const) {
        const held = await snapshot.extents?.(first, count);
        if (!held) continue;
        const bytes = held.extents.map(({ fd, offset, length }) => {
          const buffer = Buffer.alloc(length);
          expect(readSync(fd, buffer, 0, length, offset)).toBe(length);
          return buffer;
        });
        expectSame([Buffer.concat(bytes)], [Buffer.concat(await snapshot.read(first, count))]);
        held.release();
        held.release();
      }
      if (store.reserve) expect(await snapshot.extents!(a.first, 4)).toBeDefined();
      await snapshot.close();
    });

    it('many deletions and reads of the same runs at once: each run goes once, readers see all or nothing', async () => {
      const stored = values(150_000, 150_000);
      const runs = await Promise.all(Array.from({ length: 8 }, () => store.put(OWNER, stored)));
      const [reads] = await Promise.all([
        Promise.allSettled(runs.map(({ first }) => read(first, 2))),
        ...[runs, runs.slice(2), [...runs].reverse(), [...runs, ...runs]].map((some) => store.delete(OWNER, some)),
      ]);
      for (const one of reads) {
        if (one.status === 'fulfilled') expectSame(one.value, stored);
        else expect(one.reason.name).toBe('BlobMissing');
      }
      expect(await listed()).toEqual([]);
    });

    it('limits are refused with RangeError', async () => {
      const refused: [Buffer, Buffer[]][] = [
        [Buffer.alloc(15), values(1)],
        [OWNER, []],
        [OWNER, [Buffer.alloc(1024 * 1024 + 1)]],
        [OWNER, Array.from({ length: 17 }, () => Buffer.alloc(1024 * 1024))],
        [OWNER, Array.from({ length: 4097 }, () => Buffer.of(1))],
      ];
      for (const [owner, blobs] of refused) {
        await expect(store.put(owner, blobs)).rejects.toThrow(RangeError);
        if (!store.reserve) continue;
        await expect(
          store.reserve(
            owner,
            blobs.map(({ length }) => length),
          ),
        ).rejects.toThrow(RangeError);
      }
      expect(await listed()).toEqual([]);
    });
  });
}
