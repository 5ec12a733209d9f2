import { randomBytes } from 'node:crypto';
import { readSync, writeSync } from 'node:fs';
import { crc32c } from '@node-rs/crc32';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BlobStore, OwnedRun, Run } from '../../../src/store/ports.js';
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
    /** By owner, as whoever puts counts. */
    let put: (owner: Buffer, values: Buffer[]) => Promise<Run>;

    beforeEach(async () => {
      opened = await open();
      store = opened.store;
      const counts = new Map<Buffer, number>();
      put = (owner, stored) => {
        const at = counts.get(owner) ?? 0;
        counts.set(owner, at + stored.length);
        return store.put(owner, stored, at);
      };
    });
    afterEach(() => opened.close());

    const read = async (run: Run, from = 0, count = run.count - from, owner = OWNER) => {
      const snapshot = store.snapshot();
      try {
        return await snapshot.read(owner, run, from, count);
      } finally {
        await snapshot.close();
      }
    };
    const collect = async (entries: AsyncIterable<OwnedRun>) => {
      const found: OwnedRun[] = [];
      for await (const entry of entries) found.push(entry);
      return found.sort((a, b) => Buffer.compare(a.owner, b.owner) || a.run.first - b.run.first);
    };
    const listed = () => collect(store.list());
    const left = (owners: Buffer[], mark: number) => collect(store.left(owners, mark));

    it('what was put is read back, in whole and in pieces', async () => {
      const stored = values(100, 512 * 1024, 0, 1024 * 1024, 7);
      const run = await put(OWNER, stored);
      expect(run.count).toBe(5);
      expect(Number.isSafeInteger(run.first) && run.first >= 0).toBe(true);
      expectSame(await read(run), stored);
      expectSame(await read(run, 1, 2), stored.slice(1, 3));
      expectSame(await read(run, 4), stored.slice(4));
    });

    it.each([
      ['equal ones, and a shorter one', [...Array.from({ length: 31 }, () => 512 * 1024), 512 * 1024 - 1]],
      ['one', [300_000]],
      ['an empty one', [0]],
      ['of 1 MiB', Array.from({ length: 16 }, () => 1024 * 1024)],
      ['tiny ones', Array.from({ length: 4096 }, (_, i) => i % 7)],
    ])('values of every kind: %s', async (_, sizes) => {
      const stored = values(...sizes);
      const run = await put(OWNER, stored);
      expectSame(await read(run), stored);
      const snapshot = store.snapshot();
      for (const i of [0, 1, stored.length >> 1, stored.length - 1].filter((at) => at < stored.length)) {
        expectSame(await snapshot.read(OWNER, run, i, 1), [stored[i]!]);
      }
      await snapshot.close();
    });

    it('one snapshot reads on and jumps, within a run and to another one', async () => {
      const stored = values(10, 20, 30, 40);
      const a = await put(OWNER, stored.slice(0, 2));
      const c = await put(OWNER, stored.slice(2));
      const snapshot = store.snapshot();
      expect(await snapshot.read(OWNER, a, 0, 1)).toEqual(stored.slice(0, 1));
      expect(await snapshot.read(OWNER, a, 1, 1)).toEqual(stored.slice(1, 2));
      expect(await snapshot.read(OWNER, c, 0, 2)).toEqual(stored.slice(2));
      expect(await snapshot.read(OWNER, a, 0, 2)).toEqual(stored.slice(0, 2));
      expect(await Promise.all([snapshot.read(OWNER, a, 0, 2), snapshot.read(OWNER, c, 0, 1)])).toEqual([
        stored.slice(0, 2),
        stored.slice(2, 3),
      ]);
      await snapshot.close();
    });

    it('no run of an owner has the number of another one, nor that of one that was deleted', async () => {
      const runs = await Promise.all(
        Array.from({ length: 40 }, async (_, i) => {
          return put(OWNER, values(...Array.from({ length: (i % 4) + 1 }, () => 5)));
        }),
      );
      const firsts = new Set(runs.map(({ first }) => first));
      expect(firsts.size).toBe(40);
      await store.delete(OWNER, runs);
      expect(firsts).not.toContain((await put(OWNER, values(1))).first);
    });

    it('runs of the most values that one may have are put at once', async () => {
      const tiny = Array.from({ length: 4096 }, () => Buffer.of(1));
      const runs = await Promise.all(Array.from({ length: 20 }, () => put(OWNER, tiny)));
      expect(new Set(runs.map(({ first }) => first)).size).toBe(20);
      expect(await read(runs[19]!)).toHaveLength(4096);
      expect(await read(runs[7]!, 4000)).toHaveLength(96);
    });

    it('what is not there is BlobMissing', async () => {
      const run = await put(OWNER, values(1, 2));
      const missing = expect.objectContaining({ name: 'BlobMissing' });
      await expect(read(run, 1, 2)).rejects.toThrow(missing);
      await expect(read(run, 2, 1)).rejects.toThrow(missing);
      await expect(read({ ...run, first: run.first + 1_000_000 })).rejects.toThrow(missing);
      await store.delete(OWNER, [run]);
      await put(OWNER, values(3, 4));
      await expect(read(run)).rejects.toThrow(missing);
    });

    it('a snapshot still reads what was deleted after it was taken, or misses it where the sweeper gives readers time', async () => {
      const stored = values(1000, 1000);
      const run = await put(OWNER, stored);
      const snapshot = store.snapshot();
      await store.delete(OWNER, [run]);
      const after = await snapshot.read(OWNER, run, 0, 2).catch((error: Error) => error.name);
      if (store.graceMs === 0) expect(after).toEqual(stored);
      else expect([stored, 'BlobMissing']).toContainEqual(after);
      await snapshot.close();
      await snapshot.close();
      await expect(read(run)).rejects.toThrow(expect.objectContaining({ name: 'BlobMissing' }));
      await expect(snapshot.read(OWNER, run, 0, 1)).rejects.toThrow(
        expect.objectContaining({ name: 'StoreUnavailable' }),
      );
    });

    it('deletion is idempotent', async () => {
      const run = await put(OWNER, values(1, 2, 3));
      await store.delete(OWNER, [run]);
      await store.delete(OWNER, [run]);
      await store.delete(OWNER, [{ first: 999_999, count: 3 }]);
      await store.delete(OWNER, []);
      expect(await listed()).toEqual([]);
    });

    it("another owner's run, or one of another length, is left alone", async () => {
      const mine = await put(OWNER, values(1, 2));
      const other = await put(OTHER, values(3));
      const told = (error: Error) => expect(error.name).toBe('OwnerMismatch');
      await store.delete(OWNER, [other]).catch(told);
      await store.delete(OWNER, [{ first: mine.first, count: 1 }]).catch(told);
      expect(await read(mine)).toHaveLength(2);
      expect(await read(other, 0, 1, OTHER)).toHaveLength(1);
    });

    it('list yields every run, and left what some owners have put', async () => {
      const third = Buffer.alloc(16, 3);
      const before = store.mark();
      const runs = [await put(OWNER, values(1, 2, 3)), await put(OTHER, values(4)), await put(OWNER, values(5, 6))];
      await store.delete(OTHER, [runs[1]!]);
      const mark = store.mark();
      runs.push(await put(OTHER, values(7)));
      const own = [
        { owner: OWNER, run: runs[0] },
        { owner: OWNER, run: runs[2] },
      ];
      const others = [{ owner: OTHER, run: runs[3] }];
      expect(await listed()).toEqual([...own, ...others]);
      expect(await left([OTHER, third], mark)).toEqual(others);
      expect(await left([OTHER, third], before)).toEqual(others);
      expect(await left([OWNER], before)).toEqual(own);
      expect(await left([OWNER, third, OTHER], before)).toEqual([...own, ...others]);
      expect(await left([third], before)).toEqual([]);
      expect(await left([], before)).toEqual([]);
      // As the sweeper does, who may be cut short: in the order in which they come.
      for await (const { owner, run } of store.left([OWNER], before)) {
        await store.delete(owner, [run]);
        break;
      }
      expect(await left([OWNER], before)).toHaveLength(1);
      for await (const { owner, run } of store.left([OWNER, OTHER], before)) await store.delete(owner, [run]);
      expect(await listed()).toEqual([]);
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
      const committed = runs.map((run) => ({ owner: OWNER, run })).sort((x, y) => x.run.first - y.run.first);
      expect(await left([OWNER], mark)).toEqual(committed);
      for (const run of runs) expectSame(await read(run), stored);
      await store.delete(OWNER, runs);
      expect(await listed()).toEqual([]);
    });

    it('extents are the bytes that reading gives, as long as the snapshot is open, or there are none', async () => {
      const stored = values(200_000, 200_000, 0, 300_000);
      const [a, b] = [await put(OWNER, stored), await put(OWNER, stored)];
      const snapshot = store.snapshot();
      await store.delete(OWNER, [a, b]);
      for (const [run, from, count] of [
        [a, 0, 4],
        [a, 1, 2],
        [b, 3, 1],
        [b, 0, 1],
      ] as const) {
        const held = await snapshot.extents?.(OWNER, run, from, count);
        if (!held) continue;
        const bytes = held.extents.map(({ fd, offset, length }) => {
          const buffer = Buffer.alloc(length);
          expect(readSync(fd, buffer, 0, length, offset)).toBe(length);
          return buffer;
        });
        expectSame([Buffer.concat(bytes)], [Buffer.concat(await snapshot.read(OWNER, run, from, count))]);
        held.release();
        held.release();
      }
      if (store.reserve) expect(await snapshot.extents!(OWNER, a, 0, 4)).toBeDefined();
      await snapshot.close();
    });

    it('many deletions and reads of the same runs at once: each run goes once, readers see all or nothing', async () => {
      const stored = values(150_000, 150_000);
      const runs = await Promise.all(Array.from({ length: 8 }, () => put(OWNER, stored)));
      const [reads] = await Promise.all([
        Promise.allSettled(runs.map((run) => read(run))),
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
        await expect(put(owner, blobs)).rejects.toThrow(RangeError);
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
