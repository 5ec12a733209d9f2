import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WriteEvent, WriteProbe } from '../../src/store/leveldb/database.js';
import { error, key, OWNER, openTestStore, put, temporaryDirectory } from './harness.js';

/** Such a blob goes to the value log. */
const LARGE = 200_000;

/** Fails the next write of a database, in place of it or after it was applied. */
class Saboteur implements WriteProbe {
  readonly events: WriteEvent[] = [];
  #next: { database: string; when: 'before' | 'after'; code: string } | undefined;

  failNext(database: 'meta' | 'blob', when: 'before' | 'after', code: string): void {
    this.#next = { database, when, code };
  }

  before(event: WriteEvent): void {
    this.events.push(event);
    this.#strike(event, 'before');
  }

  after(event: WriteEvent): void {
    this.#strike(event, 'after');
  }

  #strike({ database }: WriteEvent, when: 'before' | 'after'): void {
    const next = this.#next;
    if (next?.database !== database || next.when !== when) return;
    this.#next = undefined;
    throw Object.assign(new Error(`IO error: ${next.code}`), { code: 'LEVEL_IO_ERROR' });
  }
}

// The mark that the engine writes when it has been idle for 50 ms would be one more write on a slow machine.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval'] }));
afterEach(() => void vi.useRealTimers());

async function opened() {
  const saboteur = new Saboteur();
  const troubles: string[] = [];
  let nowMs = 1_000_000;
  const store = await openTestStore(await temporaryDirectory(), {
    probe: saboteur,
    onTrouble: (message) => void troubles.push(message),
    nowMs: () => nowMs,
  });
  return {
    store,
    saboteur,
    troubles,
    advance: (ms: number) => {
      nowMs += ms;
    },
    /** Waits until the engine has reopened. */
    recovered: () =>
      expect
        .poll(() =>
          store.meta.get(key('any')).then(
            () => 'open',
            () => 'closed',
          ),
        )
        .toBe('open'),
  };
}

describe('every write', () => {
  it.each([10, LARGE])(
    'is synced, and blobs (of %i bytes) are written before the commit that names them',
    async (bytes) => {
      const { store, saboteur } = await opened();
      saboteur.events.length = 0;
      const run = await store.blobs.put(OWNER, [Buffer.alloc(bytes)], 0);
      await store.meta.commit({ puts: [put('record')] });
      await store.meta.commit({ dels: [key('record')] });
      await store.blobs.delete(OWNER, [run]);
      expect(saboteur.events.map(({ database, sync }) => [database, sync])).toEqual([
        ['blob', true],
        ['meta', true],
        ['meta', true],
        ['blob', true],
      ]);
      // A value and its reverse row, or the reverse row and the segment's.
      expect(saboteur.events[0]!.puts.map((bytes) => bytes.length)).toEqual(bytes < LARGE ? [8, 9] : [9, 9]);
    },
  );

  it('commits that wait while one is in flight go out as one batch', async () => {
    const { store, saboteur } = await opened();
    saboteur.events.length = 0;
    await Promise.all(Array.from({ length: 33 }, (_, n) => store.meta.commit({ puts: [put(n)] })));
    // The first alone, the other 32 together, each batch with its counter row.
    expect(saboteur.events.map(({ puts }) => puts.length)).toEqual([2, 33]);
  });

  it('a failed check takes only its own commit out of the batch, and nothing is written for it', async () => {
    const { store, saboteur } = await opened();
    await store.meta.commit({ puts: [put('taken')] });
    saboteur.events.length = 0;
    const checks = [{ key: key('taken'), revision: 'absent' as const }];
    const results = await Promise.all([
      store.meta.commit({ puts: [put(1)] }),
      store.meta.commit({ checks, puts: [put('taken'), put('never')] }),
      store.meta.commit({ puts: [put(2)] }),
    ]);
    expect(results).toEqual([true, false, true]);
    const written = saboteur.events.flatMap(({ puts }) => puts.map(String));
    expect(written).not.toContain('k/never');
    expect(written).toContain('k/2');
  });
});

describe.each([
  ['EIO', 100],
  ['ENOSPC', 100],
  ['EIO', LARGE],
])('a write that fails with %s (blobs of %i bytes)', (code, bytes) => {
  it('is OutcomeUnknown; those behind it are StoreUnavailable; after recovery writing goes on', async () => {
    const { store, saboteur, troubles, recovered } = await opened();
    await store.meta.commit({ puts: [put('before')] });
    saboteur.failNext('meta', 'before', code);
    const [first, second] = await Promise.allSettled([
      store.meta.commit({ puts: [put('first')] }),
      store.meta.commit({ puts: [put('second')] }),
    ]);
    expect(first).toMatchObject({ status: 'rejected', reason: { name: 'OutcomeUnknown' } });
    expect(second).toMatchObject({ status: 'rejected', reason: { name: 'StoreUnavailable' } });
    expect(troubles).toEqual([expect.stringContaining(code)]);
    await recovered();
    expect(await store.meta.get(key('before'))).toBeDefined();
    expect(await store.meta.get(key('first'))).toBeUndefined();
    expect(await store.meta.get(key('second'))).toBeUndefined();
    expect(await store.meta.commit({ puts: [put('after')] })).toBe(true);
  });

  it('that was applied all the same shows after recovery', async () => {
    const { store, saboteur, recovered } = await opened();
    saboteur.failNext('meta', 'after', code);
    await expect(store.meta.commit({ puts: [put('applied')] })).rejects.toThrow(error('OutcomeUnknown'));
    await recovered();
    expect(await store.meta.get(key('applied'))).toBeDefined();
  });

  it('of a blob poisons both databases: a commit that was under way is not acknowledged', async () => {
    const { store, saboteur, recovered } = await opened();
    saboteur.failNext('blob', 'before', code);
    // Not a large one: its batch comes when the commit is done.
    const blob = store.blobs.put(OWNER, [Buffer.alloc(100)], 0);
    const commit = store.meta.commit({ puts: [put('x')] });
    await expect(blob).rejects.toThrow(error('OutcomeUnknown'));
    await expect(commit).rejects.toThrow(error('OutcomeUnknown'));
    await expect(store.meta.commit({ puts: [put('y')] })).rejects.toThrow(error('StoreUnavailable', 'recovering'));
    await recovered();
    const run = await store.blobs.put(OWNER, [Buffer.alloc(bytes)], 0);
    await store.blobs.delete(OWNER, [run]);
  });

  it('never makes a number used twice', async () => {
    const { store, saboteur, recovered } = await opened();
    const before = await store.blobs.put(OWNER, [Buffer.alloc(bytes + 1)], 0);
    saboteur.failNext('blob', 'after', code);
    await expect(store.blobs.put(OWNER, [Buffer.alloc(bytes + 2)], 0)).rejects.toThrow(error('OutcomeUnknown'));
    await recovered();
    const after = await store.blobs.put(OWNER, [Buffer.alloc(bytes + 3)], 0);
    expect(after.first).toBeGreaterThan(before.first + 1);
  });

  it('ends readers with an error, never with fewer bytes', async () => {
    const { store, saboteur, recovered } = await opened();
    const run = await store.blobs.put(OWNER, [Buffer.alloc(bytes), Buffer.alloc(bytes)], 0);
    const snapshot = store.blobs.snapshot();
    await snapshot.read(OWNER, run, 0, 1);
    saboteur.failNext('meta', 'before', code);
    await expect(store.meta.commit({ puts: [put('x')] })).rejects.toThrow(error('OutcomeUnknown'));
    await recovered();
    await expect(snapshot.read(OWNER, run, 1, 1)).rejects.toThrow(error('StoreUnavailable'));
    await snapshot.close();
  });
});

describe('recovery', () => {
  it('that fails is tried again at most every second, by whoever comes', async () => {
    const { store, saboteur, advance, recovered } = await opened();
    saboteur.failNext('meta', 'before', 'EIO');
    await expect(store.meta.commit({ puts: [put('x')] })).rejects.toThrow(error('OutcomeUnknown'));
    await recovered();
    saboteur.failNext('meta', 'before', 'EIO');
    await expect(store.meta.commit({ puts: [put('x')] })).rejects.toThrow(error('OutcomeUnknown'));
    await expect(store.meta.get(key('x'))).rejects.toThrow(error('StoreUnavailable'));
    advance(1001);
    await recovered();
  });

  it('many commits at once around a failure: each is acknowledged and there, or an error', async () => {
    const { store, saboteur, recovered } = await opened();
    const outcomes = Promise.allSettled(
      Array.from({ length: 200 }, async (_, n) => {
        for (let i = 0; i < n % 7; i++) await new Promise(setImmediate);
        if (n === 100) saboteur.failNext('meta', n % 2 ? 'after' : 'before', 'EIO');
        return store.meta.commit({ puts: [put(n)] });
      }),
    );
    const settled = await outcomes;
    await recovered();
    let acknowledged = 0;
    for (const [n, { status }] of settled.entries()) {
      if (status !== 'fulfilled') continue;
      acknowledged++;
      expect(await store.meta.get(key(n)), `row ${n}`).toBeDefined();
    }
    expect(acknowledged).toBeLessThan(200);
  });
});
