import { describe, expect, test } from 'vitest';
import { asS3Error } from '../../../src/s3/failures.js';
import type { Cut } from '../../support/cutting-proxy.js';
import { lacking, type PostgresServer } from '../../support/postgres.js';
import { afterwards, b, eventually, named, type Opened, openedBehindProxy, PATIENT, put } from './harness.js';

/** Of the message that runs the prepared statement. */
const COMMIT = 'commit\0';
const CUTS: { at: Cut; applied: boolean | undefined }[] = [
  { at: 'before it is sent', applied: false },
  { at: 'in the middle of it', applied: false },
  // The server may have it before it notices, or may not.
  { at: 'when it is sent', applied: undefined },
  { at: 'before the answer', applied: true },
  { at: 'in the middle of the answer', applied: true },
];

describe.skipIf(lacking)(`a connection that is lost during a commit${lacking ? ` (left out: ${lacking})` : ''}`, () => {
  for (const mode of ['locks', 'serializable']) {
    for (const { at, applied } of CUTS) {
      test(`${at}, in mode ${mode}: the commit is made, once, and known to be`, async () => {
        const { store, proxy, valueAt } = await openedBehindProxy(`${PATIENT}&mode=${mode}`);
        const { meta } = store;
        await meta.commit({ puts: [put('old')] });
        const old = (await meta.get(b('old')))!;

        // Applied twice, or tried again after it was applied, the check would fail.
        proxy.cutNext(COMMIT, at);
        expect(await meta.commit({ checks: [{ key: b('new'), revision: 'absent' }], puts: [put('new')] })).toBe(true);
        expect(await valueAt('new')).toBe('new');

        proxy.cutNext(COMMIT, at);
        expect(await meta.commit({ checks: [{ key: old.key, revision: old.revision }], dels: [old.key] })).toBe(true);
        expect(await valueAt('old')).toBeUndefined();

        // One that only checks writes nothing that tells of it: it is asked again.
        proxy.cutNext(COMMIT, at);
        expect(await meta.commit({ checks: [{ key: b('old'), revision: 'absent' }] })).toBe(true);
        expect(proxy.cuts).toBe(3);
        const { resolved } = store.counts();
        expect(resolved.applied + resolved.notApplied).toBe(2);
        if (applied !== undefined) expect(resolved.applied).toBe(applied ? 2 : 0);
        expect(resolved.unknown).toBe(0);
      });
    }
  }

  test('and none can be had any more: sent, its outcome is unknown; not sent, it was surely not applied', async () => {
    const { store, proxy, valueAt } = await openedBehindProxy('&patience_ms=100&resolve_ms=100');
    const { meta } = store;
    await eventually(() => meta.commit({ puts: [put('a')] }));
    proxy.cutNext(COMMIT, 'before the answer');
    proxy.closed = true;
    await expect(meta.commit({ puts: [put('b')] })).rejects.toThrow(named('OutcomeUnknown'));
    const refused = await meta.commit({ puts: [put('c')] }).catch((error: Error) => error);
    expect(refused).toEqual(named('StoreUnavailable'));
    expect(asS3Error(refused, { bucket: 'b', key: 'k' })).toMatchObject({
      code: 'SlowDown',
      status: 503,
      headers: { 'Retry-After': '2' },
    });
    await expect(store.blobs.put(Buffer.alloc(16, 1), [b('x')], 0)).rejects.toThrow(named('StoreUnavailable'));
    expect(await store.trouble()).toContain('postgres://postgres@127.0.0.1:');
    proxy.closed = false;
    await expect.poll(() => store.trouble()).toBeUndefined();
    expect(await eventually(() => valueAt('b'))).toBe('b');
    expect(await eventually(() => valueAt('c'))).toBeUndefined();
    expect(store.counts().resolved.unknown).toBe(1);
  });

  test('what arrives at the server after the commit was given up is not applied any more', async () => {
    const { store, proxy, valueAt } = await openedBehindProxy();
    const { meta } = store;
    await meta.commit({ puts: [put('warm')] });
    proxy.holdNext(COMMIT);
    expect(await meta.commit({ puts: [put('a', 'first')] })).toBe(true);
    await meta.commit({ puts: [put('a', 'second')] });
    await proxy.deliver();
    await meta.commit({ puts: [put('b')] });
    expect(await valueAt('a')).toBe('second');
    expect(store.counts().resolved).toEqual({ applied: 0, notApplied: 1, unknown: 0 });
  });

  test('while the server still works on it: its end is waited for', async () => {
    const { server, schema, store, proxy, valueAt } = await openedBehindProxy();
    const { meta } = store;
    await meta.commit({ puts: [put('warm')] });
    const lock = server.sql(`BEGIN; LOCK TABLE ${schema}.meta IN SHARE MODE; SELECT pg_sleep(0.5); COMMIT`);
    const locked = `SELECT FROM pg_locks WHERE relation = '${schema}.meta'::regclass AND mode = 'ShareLock' AND granted`;
    await expect.poll(() => server.sql(locked)).toHaveLength(1);
    proxy.cutNext(COMMIT, 'when it is sent');
    const checks = [{ key: b('a'), revision: 'absent' as const }];
    expect(await meta.commit({ checks, puts: [put('a')] })).toBe(true);
    await lock;
    expect(await valueAt('a')).toBe('a');
  });

  const waiting = (server: PostgresServer) =>
    server.sql<{ pid: number }>("SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'");

  /** A commit that waits for a standby that never comes, until that setting is taken back; earlier ones don't know of it yet. */
  async function waitingCommit({ server, store }: Opened, settings: Record<string, string> = {}) {
    const all = { ...settings, synchronous_standby_names: 'nobody' };
    const back = () => server.set(Object.fromEntries(Object.keys(all).map((name) => [name, null])));
    await store.meta.commit({ puts: [put('warm')] });
    await server.set(all);
    afterwards(back);
    for (let n = 1; ; n++) {
      const state = { settled: false, value: String(n), back };
      const commit = store.meta.commit({ puts: [put('a', state.value)] }).finally(() => {
        state.settled = true;
      });
      await expect.poll(async () => state.settled || (await waiting(server)).length === 1).toBe(true);
      if (!state.settled) return { commit, state };
    }
  }

  test('a wait for a standby that is cut short by hand is no acknowledgement', async () => {
    const opened = await openedBehindProxy();
    const { server, store, valueAt } = opened;
    const { commit, state } = await waitingCommit(opened);
    const [first] = await waiting(server);
    await server.sql('SELECT pg_cancel_backend($1)', [first!.pid]);
    // Whoever resolves it waits for the standby in its turn.
    await expect.poll(async () => (await waiting(server)).some(({ pid }) => pid !== first!.pid)).toBe(true);
    expect(state.settled).toBe(false);
    await state.back();
    expect(await commit).toBe(true);
    expect(await valueAt('a')).toBe(state.value);
    expect(store.counts().resolved.applied).toBe(1);
  });

  test('a connection that was found to wait for standbys goes on waiting, whatever is set later', async () => {
    const { commit, state } = await waitingCommit(await openedBehindProxy(), { synchronous_commit: 'off' });
    await state.back();
    expect(await commit).toBe(true);
  });

  for (const { at } of CUTS) {
    test(`${at}, of a put of blobs: they are there once`, async () => {
      const { store, proxy } = await openedBehindProxy();
      const owner = Buffer.alloc(16, 1);
      const stored = [b('one'), b(''), b('three')];
      await store.blobs.put(Buffer.alloc(16, 2), stored, 0);
      proxy.cutNext('put\0', at);
      const run = await store.blobs.put(owner, stored, 0);
      expect(await store.blobs.snapshot().read(owner, run, 0, 3)).toEqual(stored);
      proxy.cutNext('delete\0', at);
      await store.blobs.delete(owner, [run]);
      const left: unknown[] = [];
      for await (const one of store.blobs.left([owner], 0)) left.push(one);
      expect(left).toEqual([]);
      expect(proxy.cuts).toBe(2);
    });
  }

  test('a read is asked again; a listing that has begun ends, since its snapshot is gone', async () => {
    const { store, proxy, valueAt } = await openedBehindProxy();
    const { meta } = store;
    await meta.commit({ puts: [put('a'), put('b'), put('c')] });
    for (const { at } of CUTS) {
      proxy.cutNext('get\0', at);
      expect(await valueAt('a')).toBe('a');
      proxy.cutNext('page\0', at);
      const cursor = meta.cursor({ gte: b('a'), lt: b('z') });
      expect(await cursor.next(2)).toHaveLength(2);
      proxy.cutNext('page\0', at);
      await expect(cursor.next(2)).rejects.toThrow(named('StoreUnavailable'));
      await expect(cursor.next(2)).rejects.toThrow(named('StoreUnavailable'));
      await cursor.close();
    }
    expect(store.counts().cursors).toBe(0);
  });

  test('a server that stands still: what is read is unavailable, what is committed unknown, and all goes on afterwards', async () => {
    const { store, proxy, valueAt } = await openedBehindProxy('&timeout_ms=100&patience_ms=100&resolve_ms=100');
    await expect.poll(() => store.meta.commit({ puts: [put('a')] }).catch(() => false)).toBe(true);
    await expect.poll(() => valueAt('a').catch(() => undefined)).toBe('a');
    proxy.stall();
    const [read, commit] = await Promise.allSettled([valueAt('a'), store.meta.commit({ puts: [put('b')] })]);
    expect(read).toMatchObject({ status: 'rejected', reason: { name: 'StoreUnavailable' } });
    expect(commit).toMatchObject({ status: 'rejected', reason: { name: 'OutcomeUnknown' } });
    proxy.goOn();
    await expect.poll(() => valueAt('a').catch(() => undefined)).toBe('a');
    await expect.poll(() => store.meta.commit({ puts: [put('c')] }).catch(() => false)).toBe(true);
  });
});
