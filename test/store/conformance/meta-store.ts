import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { META_KEY_MAX_BYTES } from '../../../src/base/limits.js';
import type { MetaStore } from '../../../src/store/ports.js';

export interface Opened<T> {
  store: T;
  close(): Promise<void>;
}

const b = (text: string): Buffer => Buffer.from(text, 'latin1');
const put = (key: string, value = key) => ({ key: b(key), value: b(value) });

/** What every MetaStore must do. */
export function metaStoreConformance(name: string, open: () => Promise<Opened<MetaStore>>): void {
  describe(`MetaStore ${name}`, () => {
    let opened: Opened<MetaStore>;
    let store: MetaStore;

    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => opened.close());

    const fill = (...keys: string[]) => store.commit({ puts: keys.map((key) => put(key)) });
    const keysOf = async (gte: string, lt: string, more: { limit?: number; reverse?: boolean } = {}) =>
      (await store.range({ gte: b(gte), lt: b(lt), limit: 1000, ...more })).map(({ key }) => key.toString('latin1'));

    it('get returns what was committed, with a 16-byte revision that changes with every write', async () => {
      expect(await store.get(b('a'))).toBeUndefined();
      await store.commit({ puts: [put('a', 'one')] });
      const first = (await store.get(b('a')))!;
      expect(first.key).toEqual(b('a'));
      expect(first.value).toEqual(b('one'));
      expect(first.revision.length).toBe(16);
      await store.commit({ puts: [put('a', 'one')] });
      expect((await store.get(b('a')))!.revision.equals(first.revision)).toBe(false);
    });

    it('two writes of one row by commits at the same time have different revisions', async () => {
      const seen = new Set<string>();
      for (let round = 0; round < 5; round++) {
        await Promise.all([fill('a'), fill('a')]);
        seen.add((await store.get(b('a')))!.revision.toString('hex'));
      }
      expect(seen.size).toBe(5);
    });

    it('an empty value is a row', async () => {
      await store.commit({ puts: [put('a', '')] });
      expect((await store.get(b('a')))!.value.length).toBe(0);
    });

    it('a committed value is a copy of what was handed in', async () => {
      const value = b('before');
      await store.commit({ puts: [{ key: b('a'), value }] });
      value.write('after!');
      expect((await store.get(b('a')))!.value).toEqual(b('before'));
    });

    it('getMany answers in the order of the keys, undefined for absent ones, for few and for many keys', async () => {
      await fill('a', 'c');
      const rows = await store.getMany([b('c'), b('b'), b('a')]);
      expect(rows.map((row) => row?.value.toString())).toEqual(['c', undefined, 'a']);
      const many = await store.getMany(Array.from({ length: 100 }, (_, i) => b(i % 2 ? 'a' : 'b')));
      expect(many.map((row) => row?.value.toString())).toEqual(many.map((_, i) => (i % 2 ? 'a' : undefined)));
    });

    it('range is [gte, lt) in unsigned byte order', async () => {
      await fill('a', 'a\0', 'a\x01', 'a\x7f', 'a\x80', 'a\xff', 'b');
      expect(await keysOf('a', 'b')).toEqual(['a', 'a\0', 'a\x01', 'a\x7f', 'a\x80', 'a\xff']);
      expect(await keysOf('a\x01', 'a\xff')).toEqual(['a\x01', 'a\x7f', 'a\x80']);
      expect(await keysOf('b', 'a')).toEqual([]);
      expect(await keysOf('', '\xff')).toHaveLength(7);
    });

    it('range pages by limit, backwards too, and gives keys only on demand', async () => {
      await fill('a', 'b', 'c', 'd');
      expect(await keysOf('a', 'z', { limit: 2 })).toEqual(['a', 'b']);
      expect(await keysOf('a', 'z', { limit: 2, reverse: true })).toEqual(['d', 'c']);
      expect(await keysOf('b', 'd', { reverse: true })).toEqual(['c', 'b']);
      const [row] = await store.range({ gte: b('a'), lt: b('z'), limit: 1, keysOnly: true });
      expect([row!.key, row!.value.length, row!.revision.length]).toEqual([b('a'), 0, 0]);
      expect(await keysOf('a', 'z', { limit: 0 })).toEqual([]);
    });

    it('a page is one snapshot, however long it is', async () => {
      const value = Buffer.alloc(60_000, 1);
      for (let i = 0; i < 8; i++) {
        const puts = Array.from({ length: 8 }, (_, j) => ({ key: b(`k${i}${j}`), value }));
        await store.commit({ puts });
      }
      const page = store.range({ gte: b('k'), lt: b('l'), limit: 1000 });
      const dels = Array.from({ length: 64 }, (_, i) => b(`k${i >> 3}${i & 7}`));
      await store.commit({ dels });
      // Where others write, what was asked for first may come to the engine last.
      const { length } = await page;
      if (store.shared) expect([0, 64]).toContain(length);
      else expect(length).toBe(64);
      expect(await keysOf('k', 'l')).toEqual([]);
    });

    it('a cursor walks one snapshot, page by page, and seeks in both directions within its range', async () => {
      await fill('a', 'b', 'c', 'd', 'e', 'f');
      const cursor = store.cursor({ gte: b('b'), lt: b('f') });
      const next = async (limit: number) => (await cursor.next(limit)).map(({ value }) => value.toString());
      expect(await next(2)).toEqual(['b', 'c']);
      await store.commit({ dels: [b('d')], puts: [put('dd')] });
      expect(await next(1)).toEqual(['d']);
      cursor.seek(b('a'));
      expect(await next(1)).toEqual(['b']);
      cursor.seek(b('dz'));
      expect(await next(10)).toEqual(['e']);
      expect(await next(10)).toEqual([]);
      cursor.seek(b('c'));
      expect(await next(1)).toEqual(['c']);
      cursor.seek(b('x'));
      expect(await next(1)).toEqual([]);
      await cursor.close();
    });

    it('a cursor of keys only gives no values', async () => {
      await fill('a');
      const cursor = store.cursor({ gte: b('a'), lt: b('b'), keysOnly: true });
      expect((await cursor.next(5)).map((row) => [row.key, row.value.length])).toEqual([[b('a'), 0]]);
      await cursor.close();
    });

    it('a commit whose check fails writes nothing', async () => {
      await fill('a');
      const { revision } = (await store.get(b('a')))!;
      expect(await store.commit({ checks: [{ key: b('a'), revision: 'absent' }], puts: [put('x')] })).toBe(false);
      expect(await store.commit({ checks: [{ key: b('z'), revision }], puts: [put('x')] })).toBe(false);
      const stale = Buffer.alloc(16, 7);
      expect(await store.commit({ checks: [{ key: b('a'), revision: stale }], dels: [b('a')] })).toBe(false);
      expect(await keysOf('a', 'zz')).toEqual(['a']);
    });

    it('a check may name a row that the commit does not write', async () => {
      await fill('a');
      const { revision } = (await store.get(b('a')))!;
      const checks = [
        { key: b('a'), revision },
        { key: b('b'), revision: 'absent' as const },
      ];
      expect(await store.commit({ checks, puts: [put('x')] })).toBe(true);
      expect(await store.commit({ checks })).toBe(true);
      await store.commit({ dels: [b('a')] });
      expect(await store.commit({ checks })).toBe(false);
    });

    it('deleting what is absent is no error, and a deletion beats a put of the same commit', async () => {
      expect(await store.commit({ dels: [b('a')] })).toBe(true);
      await store.commit({ puts: [put('a')], dels: [b('a')] });
      expect(await store.get(b('a'))).toBeUndefined();
    });

    it('of many commits at once that expect absence exactly one wins', async () => {
      const results = await Promise.all(
        Array.from({ length: 50 }, (_, i) =>
          store.commit({ checks: [{ key: b('a'), revision: 'absent' }], puts: [put('a', String(i))] }),
        ),
      );
      expect(results.filter(Boolean)).toHaveLength(1);
      expect((await store.get(b('a')))!.value.toString()).toBe(String(results.indexOf(true)));
    });

    it('concurrent read-modify-write under checks loses no update', async () => {
      await store.commit({ puts: [put('n', '0')] });
      let retries = 0;
      const increment = async () => {
        for (;;) {
          const row = (await store.get(b('n')))!;
          const puts = [put('n', String(Number(row.value.toString()) + 1))];
          if (await store.commit({ checks: [{ key: b('n'), revision: row.revision }], puts })) return;
          retries++;
        }
      };
      const workers = Array.from({ length: 8 }, async () => {
        for (let i = 0; i < 20; i++) await increment();
      });
      await Promise.all(workers);
      expect((await store.get(b('n')))!.value.toString()).toBe('160');
      expect(retries).toBeGreaterThan(0);
    });

    it('checks see deletions and writes of commits that were sent before and are not answered yet', async () => {
      await fill('a');
      const { revision } = (await store.get(b('a')))!;
      const [deleted, second, again] = await Promise.all([
        store.commit({ checks: [{ key: b('a'), revision }], dels: [b('a')] }),
        store.commit({ checks: [{ key: b('a'), revision }], puts: [put('a', 'late')] }),
        store.commit({ checks: [{ key: b('a'), revision: 'absent' }], puts: [put('a', 'new')] }),
      ]);
      expect([deleted, second, again]).toEqual([true, false, true]);
      expect((await store.get(b('a')))!.value.toString()).toBe('new');
    });

    it('write skew is impossible: two commits that each check what the other writes do not both pass', async () => {
      for (let round = 0; round < 10; round++) {
        const [x, y] = [b(`x${round}`), b(`y${round}`)];
        const results = await Promise.all([
          store.commit({ checks: [{ key: x, revision: 'absent' }], puts: [{ key: y, value: y }] }),
          store.commit({ checks: [{ key: y, revision: 'absent' }], puts: [{ key: x, value: x }] }),
        ]);
        expect(results.filter(Boolean)).toHaveLength(1);
      }
    });

    it('takes exactly the limits and refuses more with RangeError, writing nothing', async () => {
      const big = Buffer.alloc(64 * 1024, 1);
      const longKey = Buffer.alloc(META_KEY_MAX_BYTES, 0x61);
      expect(await store.commit({ puts: [{ key: longKey, value: big }] })).toBe(true);
      expect((await store.get(longKey))!.value.length).toBe(big.length);
      const key = b('refused');
      const ok = { key, value: b('') };
      const refused = [
        { puts: [ok, { key: Buffer.alloc(META_KEY_MAX_BYTES + 1, 0x61), value: b('') }] },
        { puts: [ok, { key: b(''), value: b('') }] },
        { puts: [ok, { key: b('\0x'), value: b('') }] },
        { puts: [ok, { key: b('v'), value: Buffer.alloc(64 * 1024 + 1) }] },
        { puts: [ok], dels: Array.from({ length: 500 }, (_, i) => b(`d${i}`)) },
        { puts: [ok, ...Array.from({ length: 16 }, (_, i) => ({ key: b(`p${i}`), value: big }))] },
        { puts: [ok], checks: [{ key: b('c'), revision: Buffer.alloc(15) }] },
      ];
      for (const commit of refused) await expect(store.commit(commit)).rejects.toThrow(RangeError);
      expect(await store.get(key)).toBeUndefined();
      expect(await store.commit({ puts: Array.from({ length: 500 }, (_, i) => put(`f${i}`)) })).toBe(true);
      const full = Array.from({ length: 15 }, (_, i) => ({ key: b(`p${i}`), value: big }));
      expect(await store.commit({ puts: full })).toBe(true);
    });

    it('reads show no engine rows', async () => {
      await fill('a');
      expect(await keysOf('', '\xff')).toEqual(['a']);
      const cursor = store.cursor({ gte: b(''), lt: b('\xff') });
      cursor.seek(b(''));
      expect((await cursor.next(10)).map(({ key }) => key)).toEqual([b('a')]);
      await cursor.close();
      expect(await store.get(b('\0c'))).toBeUndefined();
    });

    it('a closed store answers StoreUnavailable', async () => {
      await opened.close();
      await expect(store.get(b('a'))).rejects.toThrow(expect.objectContaining({ name: 'StoreUnavailable' }));
      await expect(store.commit({ puts: [put('a')] })).rejects.toThrow(
        expect.objectContaining({ name: 'StoreUnavailable' }),
      );
    });
  });
}
