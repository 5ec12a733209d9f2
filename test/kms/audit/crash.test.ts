import { expect, test } from 'vitest';
import { utf8 } from '../../../src/base/bytes.js';
import { AuditTrail } from '../../../src/kms/audit/trail.js';
import type { WriteEvent, WriteProbe } from '../../../src/store/leveldb/database.js';
import { CommitBuilder } from '../../../src/store/table.js';
import { openTestStore, temporaryDirectory } from '../../store/harness.js';
import { ACCOUNT, event, idsIn, makeParts, openTrail } from './harness.js';

const row = (name: string) => ({ key: utf8(`k/k/${name}`), value: utf8(name) });

test('after a crash behind any commit the log verifies and has every mutation that is in the store, and no other', async () => {
  let crashes = 0;
  for (let left = 0; left < 25; left++) {
    const parts = await makeParts();
    const trail = await AuditTrail.open(parts);
    parts.meta.left = left;
    const flushed: string[] = [];
    const mutations: [string, string][] = [];
    try {
      for (let i = 0; i < 12; i++) {
        const one = event();
        await trail.record(one, [{ accountId: ACCOUNT, keyId: 'key' }]);
        if (i % 2 === 0) await trail.flush().then(() => flushed.push(one.eventId));
        const own = event();
        mutations.push([`m${i}`, own.eventId]);
        await trail.commit(new CommitBuilder().put(row(`m${i}`)), own);
      }
    } catch {
      crashes++;
    }
    parts.meta.left = Number.POSITIVE_INFINITY;
    // The process is gone; what it had queued is, too.
    parts.troubles.length = 0;
    const again = await openTrail(parts);
    const ids = await idsIn(again);
    for (const id of flushed) expect(ids).toContain(id);
    for (const [name, id] of mutations) {
      expect(ids.includes(id), name).toBe((await parts.meta.get(row(name).key)) !== undefined);
    }
    expect((await again.verify()).findings).toEqual([]);
    const use = await again.lastUse(ACCOUNT, 'key');
    if (use) expect(ids).toContain(use.eventId);
    else expect(ids).toHaveLength(0);
    expect(parts.troubles).toEqual([]);
  }
  expect(crashes).toBe(18);
});

test('LevelDB: events and mutations are there after a restart, and the chain goes on', async () => {
  const directory = await temporaryDirectory();
  const first = await openTestStore(directory);
  const parts = await makeParts(first.meta);
  const trail = await AuditTrail.open(parts);
  const expected: string[] = [];
  const mutations: Promise<boolean>[] = [];
  for (let i = 0; i < 300; i++) {
    const one = event();
    expected.push(one.eventId);
    if (i % 10 === 0) mutations.push(trail.commit(new CommitBuilder().put(row(String(i))), one));
    else trail.record(one, [{ accountId: ACCOUNT, keyId: `key-${i % 3}` }]);
  }
  expect((await Promise.all(mutations)).every(Boolean)).toBe(true);
  await trail.close();
  await first.close();
  const second = await openTestStore(directory);
  const again = await openTrail({ ...parts, meta: second.meta });
  expect((await idsIn(again)).sort()).toEqual(expected.sort());
  again.record(event());
  expect(await again.verify()).toMatchObject({ events: 301, findings: [] });
  expect(parts.troubles).toEqual([]);
  await again.close();
});

/** Lets the next write of `meta` fail, before it is done or after. */
class Saboteur implements WriteProbe {
  next: 'before' | 'after' | undefined;
  before(event: WriteEvent): void {
    this.#strike(event, 'before');
  }
  after(event: WriteEvent): void {
    this.#strike(event, 'after');
  }
  #strike({ database }: WriteEvent, when: 'before' | 'after'): void {
    if (database !== 'meta' || this.next !== when) return;
    this.next = undefined;
    throw Object.assign(new Error('IO error'), { code: 'LEVEL_IO_ERROR' });
  }
}

test('LevelDB: a write that fails, applied or not, refuses until the engine is back; nothing is lost or there twice', async () => {
  let tried = 0;
  for (const when of ['before', 'after'] as const) {
    const saboteur = new Saboteur();
    let nowMs = 1_000_000;
    const store = await openTestStore(await temporaryDirectory(), {
      probe: saboteur,
      onTrouble: () => {},
      nowMs: () => nowMs,
    });
    const parts = await makeParts(store.meta);
    const trail = await openTrail(parts);
    const [before, lost, refused, after] = [event(), event(), event(), event()];
    trail.record(before);
    await trail.flush();
    saboteur.next = when;
    trail.record(lost);
    await expect(trail.flush()).rejects.toThrow();
    await expect(trail.record(refused)).rejects.toThrow('audit log');
    nowMs += 60_000;
    await expect
      .poll(() =>
        trail.flush().then(
          () => 'written',
          () => 'refused',
        ),
      )
      .toBe('written');
    expect(trail.record(after)).toBeUndefined();
    await trail.flush();
    expect(await idsIn(trail), when).toEqual([before, lost, refused, after].map(({ eventId }) => eventId));
    expect((await trail.verify()).findings).toEqual([]);
    expect(parts.troubles).toHaveLength(1);
    await trail.close();
    tried++;
  }
  expect(tried).toBe(2);
});
