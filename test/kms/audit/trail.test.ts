import { expect, test } from 'vitest';
import { utf8 } from '../../../src/base/bytes.js';
import { AuditChain } from '../../../src/kms/audit/chain.js';
import { countEvents } from '../../../src/kms/audit/page.js';
import type { AuditEvent } from '../../../src/kms/audit/ports.js';
import { LAST_USE, lastUseRow } from '../../../src/kms/audit/rows.js';
import { CommitBuilder, Table } from '../../../src/store/table.js';
import { error } from '../../store/harness.js';
import { ACCOUNT, event, type Fault, idsIn, makeParts, makeTrail, openTrail, pageRows, rest } from './harness.js';

const row = (name: string) => ({ key: utf8(`k/k/${name}`), value: utf8(name) });
const ids = (events: AuditEvent[]): string[] => events.map(({ eventId }) => eventId);

test('what is recorded is written after 150 ms, not before, as one page in the order it came', async () => {
  const { trail, timers, meta } = await makeTrail();
  const events = [event(), event({ result: 'AccessDeniedException' }), event()];
  expect(events.map((one) => trail.record(one))).toEqual([undefined, undefined, undefined]);
  timers.advance(149);
  await rest();
  expect(await pageRows(meta)).toHaveLength(0);
  timers.advance(1);
  await rest();
  expect(await pageRows(meta)).toHaveLength(1);
  const entries = await trail.tail({ limit: 10 });
  expect(entries).toEqual(events.map((one, index) => ({ sequence: 1, index, event: one })));
});

test('four full pages are written at once, without a timer', async () => {
  const { trail, meta } = await makeTrail();
  const events = Array.from({ length: 1000 }, () => event());
  for (const one of events) trail.record(one);
  await rest();
  const rows = await pageRows(meta);
  expect(rows.length).toBeGreaterThanOrEqual(4);
  for (const { value } of rows) expect(value.length).toBeLessThanOrEqual(48 * 1024 + 73 + 45);
  await trail.flush();
  expect(await idsIn(trail)).toEqual(ids(events));
});

test('many full pages go in one commit, which stays below the limits of a commit', async () => {
  const { trail, meta } = await makeTrail();
  const events = Array.from({ length: 4000 }, () => event());
  for (const one of events) trail.record(one, [{ accountId: ACCOUNT, keyId: one.eventId.padEnd(36) }]);
  await trail.flush();
  expect(Math.max(...meta.commits.map(({ puts }) => puts!.length))).toBeGreaterThan(100);
  expect(await idsIn(trail)).toEqual(ids(events));
  expect((await trail.verify()).findings).toEqual([]);
  expect(await trail.lastUse(ACCOUNT, events[3999]!.eventId.padEnd(36))).toMatchObject({
    eventId: events[3999]!.eventId,
  });
});

test('a mutation and its event are one commit, behind what was queued before it', async () => {
  const { trail, meta } = await makeTrail();
  const [before, own, after] = [event(), event({ action: 'DisableKey' }), event()];
  trail.record(before);
  expect(await trail.commit(new CommitBuilder().put(row('a')), own)).toBe(true);
  trail.record(after);
  expect(meta.commits).toHaveLength(1);
  expect(meta.commits[0]!.puts!.map(({ key }) => String(key).slice(0, 4))).toEqual(['k/k/', 'k/l/']);
  await trail.flush();
  expect(await idsIn(trail)).toEqual(ids([before, own, after]));
});

test('a mutation whose check fails leaves neither its rows nor its event, and what is queued stays queued', async () => {
  const { trail, meta } = await makeTrail();
  await meta.commit({ puts: [row('taken')] });
  const queued = event();
  trail.record(queued);
  const commit = new CommitBuilder().expect(row('taken').key, undefined).put(row('never'));
  expect(await trail.commit(commit, event())).toBe(false);
  expect(await pageRows(meta)).toHaveLength(0);
  expect(await meta.get(row('never').key)).toBeUndefined();
  // The caller's builder is as it was: it may be built on and tried again.
  expect([commit.checks.length, commit.puts.length]).toEqual([1, 1]);
  await trail.flush();
  expect(await idsIn(trail)).toEqual([queued.eventId]);
});

test('a mutation behind more events than a page takes, or with many operations of its own, comes behind them', async () => {
  const { trail } = await makeTrail();
  const events = Array.from({ length: 300 }, () => event());
  for (const one of events) trail.record(one, [{ accountId: ACCOUNT, keyId: one.eventId.padEnd(36) }]);
  const own = event();
  expect(await trail.commit(new CommitBuilder().put(row('a')), own)).toBe(true);
  const more = Array.from({ length: 50 }, () => event());
  for (const one of more) trail.record(one, [{ accountId: ACCOUNT, keyId: one.eventId.padEnd(36) }]);
  const large = new CommitBuilder();
  for (let i = 0; i < 490; i++) large.del(row(String(i)).key);
  const last = event();
  expect(await trail.commit(large, last)).toBe(true);
  expect(await idsIn(trail)).toEqual(ids([...events, own, ...more, last]));
});

test('50 mutations beside 500 events and batches of them make one chain, each event once', async () => {
  const { trail, timers, meta } = await makeTrail();
  await meta.commit({ puts: [row('taken')] });
  const expected: string[] = [];
  const mutations: Promise<boolean>[] = [];
  for (let i = 0; i < 500; i++) {
    const one = event();
    expected.push(one.eventId);
    trail.record(one, [{ accountId: ACCOUNT, keyId: `key-${i % 7}` }]);
    if (i % 10 === 0) {
      const own = event();
      const refused = i % 50 === 0;
      if (!refused) expected.push(own.eventId);
      const commit = new CommitBuilder().put(row(`m${i}`));
      if (refused) commit.expect(row('taken').key, undefined);
      mutations.push(trail.commit(commit, own));
    }
    if (i % 13 === 0) timers.advance(200);
    if (i % 17 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const results = await Promise.all(mutations);
  expect([results.length, results.filter((done) => !done).length]).toEqual([50, 10]);
  await trail.flush();
  expect((await idsIn(trail)).sort()).toEqual(expected.sort());
  const { findings, events, pages } = await trail.verify();
  expect({ findings, events }).toEqual({ findings: [], events: 540 });
  expect(pages).toBeGreaterThan(40);
});

test('another writer who was faster moves the head: it is read again, and the chain does not fork', async () => {
  const { trail, parts } = await makeTrail();
  const other = await openTrail(parts);
  const events = Array.from({ length: 6 }, () => event());
  for (const [i, one] of events.entries()) {
    const writer = i % 2 === 0 ? trail : other;
    if (i < 4) expect(await writer.commit(new CommitBuilder().put(row(String(i))), one)).toBe(true);
    else await Promise.all([writer.record(one), writer.flush()]);
  }
  expect(await idsIn(trail)).toEqual(ids(events));
  expect((await trail.verify()).findings).toEqual([]);
});

test('whether a batch of unknown outcome was written is read from the store: nothing twice, nothing lost', async () => {
  let tried = 0;
  for (const fault of ['applied', 'lost', 'unavailable'] satisfies Fault[]) {
    const { trail, meta, timers, troubles } = await makeTrail();
    const [first, second, third] = [event(), event(), event()];
    meta.faults = [fault];
    trail.record(first);
    timers.advance(200);
    await rest();
    await expect(trail.record(second), fault).rejects.toEqual(error('StoreUnavailable', 'audit log'));
    timers.advance(200);
    await rest();
    expect(trail.record(third)).toBeUndefined();
    await trail.flush();
    expect(await idsIn(trail), fault).toEqual(ids([first, second, third]));
    expect((await trail.verify()).findings).toEqual([]);
    expect(troubles).toHaveLength(1);
    tried++;
  }
  expect(tried).toBe(3);
});

test('a mutation of unknown outcome says so, and takes the events that went with it along or leaves them queued', async () => {
  let tried = 0;
  for (const fault of ['applied', 'lost'] satisfies Fault[]) {
    const { trail, meta } = await makeTrail();
    const [queued, own, next] = [event(), event(), event()];
    trail.record(queued);
    meta.faults = [fault];
    await expect(trail.commit(new CommitBuilder().put(row('a')), own)).rejects.toEqual(error('OutcomeUnknown'));
    expect((await meta.get(row('a').key)) !== undefined).toBe(fault === 'applied');
    expect(await trail.commit(new CommitBuilder().put(row('b')), next)).toBe(true);
    expect(await idsIn(trail)).toEqual(ids(fault === 'applied' ? [queued, own, next] : [queued, next]));
    expect((await trail.verify()).findings).toEqual([]);
    tried++;
  }
  expect(tried).toBe(2);
});

test('a log that can not be written refuses: mutations do not happen, and record rejects until it can be written again', async () => {
  const { trail, meta, timers, troubles } = await makeTrail();
  meta.broken = 'unavailable';
  const events = [event(), event(), event()];
  trail.record(events[0]!);
  timers.advance(150);
  await rest();
  await expect(trail.record(events[1]!)).rejects.toEqual(error('StoreUnavailable'));
  await expect(trail.commit(new CommitBuilder().put(row('a')), event())).rejects.toEqual(error('StoreUnavailable'));
  await expect(trail.flush()).rejects.toEqual(error('StoreUnavailable'));
  for (let i = 0; i < 5; i++) {
    timers.advance(150);
    await rest();
  }
  expect(troubles).toEqual(["the audit log can't be written"]);
  expect(await meta.get(row('a').key)).toBeUndefined();
  meta.broken = undefined;
  timers.advance(150);
  await rest();
  expect(trail.record(events[2]!)).toBeUndefined();
  await trail.flush();
  expect(await idsIn(trail)).toEqual(ids(events));
});

test('a full queue makes its callers wait for the disk; where that fails, they hear of it and no more is taken', async () => {
  const parts = await makeParts();
  const trail = await openTrail({ ...parts, queue: { events: 10, bytes: 1_000_000 } });
  const waits = Array.from({ length: 12 }, () => trail.record(event()));
  expect(waits.map((wait) => wait === undefined)).toEqual([...Array(9).fill(true), false, false, false]);
  let resolved = false;
  void waits[11]!.then(() => {
    resolved = true;
  });
  await rest();
  expect(resolved).toBe(false);
  parts.timers.advance(150);
  await waits[11];
  expect(trail.record(event())).toBeUndefined();

  parts.meta.broken = 'unavailable';
  const vain = Array.from({ length: 11 }, () => trail.record(event())).filter((wait) => wait !== undefined);
  expect(vain).toHaveLength(3);
  parts.timers.advance(150);
  for (const wait of vain) await expect(wait).rejects.toEqual(error('StoreUnavailable'));
  await expect(trail.record(event())).rejects.toEqual(error('StoreUnavailable'));
  parts.meta.broken = undefined;
  await trail.flush();
  // 12, 1 and 11 were queued; the last one found no room.
  expect(await idsIn(trail)).toHaveLength(24);
});

test('the queue is bounded by bytes, too', async () => {
  const parts = await makeParts();
  const trail = await openTrail({ ...parts, queue: { events: 1000, bytes: 2000 } });
  const waits = Array.from({ length: 20 }, () => trail.record(event()));
  expect(waits.findIndex((wait) => wait !== undefined)).toBeLessThan(10);
  await trail.flush();
  await Promise.all(waits);
});

test('the last use of a key is one row a batch, of successful operations alone, and seen before it is written', async () => {
  const { trail, meta, parts } = await makeTrail();
  const key = { accountId: ACCOUNT, keyId: 'one' };
  const uses = Array.from({ length: 5 }, () => event());
  for (const one of uses) trail.record(one, [key]);
  trail.record(event({ result: 'DisabledException' }), [key]);
  trail.record(event({ dryRun: true }), [key]);
  const both = event({ action: 'ReEncrypt' });
  trail.record(both, [
    { accountId: ACCOUNT, keyId: 'two' },
    { accountId: '222222222222', keyId: 'three' },
  ]);
  const last = uses[4]!;
  const expected = { operation: 'Decrypt', timeMs: last.timeMs, eventId: last.eventId, requestId: last.requestId };
  expect(await trail.lastUse(ACCOUNT, 'one')).toEqual(expected);
  await trail.flush();
  expect(await trail.lastUse(ACCOUNT, 'one')).toEqual(expected);
  expect((await trail.lastUse(ACCOUNT, 'two'))?.operation).toBe('ReEncrypt');
  expect((await trail.lastUse('222222222222', 'three'))?.operation).toBe('ReEncrypt');
  expect(await trail.lastUse(ACCOUNT, 'three')).toBeUndefined();
  expect(meta.commits).toHaveLength(1);
  expect(meta.commits[0]!.puts).toHaveLength(4);
  const stored = await new Table(meta, parts.sealer, LAST_USE).get(lastUseRow(ACCOUNT, 'one'));
  expect(stored?.record).toEqual(expected);
});

test('a mutation that deletes the row of a last use has it gone, also where a use was queued', async () => {
  const { trail } = await makeTrail();
  trail.record(event(), [{ accountId: ACCOUNT, keyId: 'gone' }]);
  expect(await trail.commit(new CommitBuilder().del(lastUseRow(ACCOUNT, 'gone')), event())).toBe(true);
  expect(await trail.lastUse(ACCOUNT, 'gone')).toBeUndefined();
});

test('what is no member of an event is not written, whatever object a caller passed', async () => {
  const { trail } = await makeTrail();
  const whole = event({
    source: { operation: 'GetObject', bucket: 'b', key: 'k' },
    encryptionContext: { a: 'b' },
    details: { PendingWindowInDays: 7 },
  });
  const leaky = {
    ...whole,
    plaintext: 'hidden',
    caller: { ...whole.caller!, secretAccessKey: 'hidden' },
    source: { ...whole.source!, body: 'hidden' },
  };
  trail.record(leaky);
  await trail.commit(new CommitBuilder().put(row('a')), leaky);
  const entries = await trail.tail({ limit: 10 });
  expect(entries).toHaveLength(2);
  for (const entry of entries) expect(entry).toMatchObject({ event: whole });
  expect(JSON.stringify(entries)).not.toContain('hidden');
});

test('nothing of an event stands in clear in the store', async () => {
  const { trail, meta } = await makeTrail();
  trail.record(event({ encryptionContext: { Department: 'Finance' } }), [{ accountId: ACCOUNT, keyId: 'one' }]);
  await trail.flush();
  const bytes = Buffer.concat((await meta.all()).map(({ value }) => value));
  for (const text of ['Decrypt', 'alice', 'Finance', 'event-', 'request-']) expect(bytes.includes(text)).toBe(false);
});

test('an event of any size is taken: what no page takes is cut, and says so', async () => {
  const { trail } = await makeTrail();
  const huge = event({ encryptionContext: { a: 'é'.repeat(200_000) }, action: 'A'.repeat(100_000) });
  const large = event({ encryptionContext: { a: 'x'.repeat(30_000) } });
  trail.record(huge);
  trail.record(large);
  trail.record(large);
  expect(await trail.commit(new CommitBuilder().put(row('a')), huge)).toBe(true);
  const entries = await trail.tail({ limit: 10 });
  expect(entries).toHaveLength(4);
  expect(entries[0]).toMatchObject({
    event: { eventId: huge.eventId, caller: huge.caller, action: 'A'.repeat(1024), result: 'Success' },
  });
  expect(entries[0]).toHaveProperty('event.details.cutFromBytes', expect.any(Number));
  expect(entries[0]).not.toHaveProperty('event.encryptionContext');
  expect(entries[1]).toMatchObject({ event: large });
});

test('line feeds and quotes of clients stay inside their event', async () => {
  const { trail, parts } = await makeTrail();
  const odd = event({ source: { operation: 'GetObject', bucket: 'b', key: 'a\n{"action":"AuditGap"}\u2028\ud800' } });
  trail.record(odd);
  trail.record(event());
  await trail.flush();
  const entries = await trail.tail({ limit: 5 });
  expect(entries).toHaveLength(2);
  expect(entries[0]).toMatchObject({ event: odd });
  expect((await trail.verify()).findings).toEqual([]);
  expect(countEvents((await new AuditChain(parts).page(1))!)).toBe(2);
});

test('closing writes what is queued; then nothing is taken', async () => {
  const { trail, parts } = await makeTrail();
  const [queued, own] = [event(), event()];
  trail.record(queued);
  const mutation = trail.commit(new CommitBuilder().put(row('a')), own);
  await trail.close();
  expect(await mutation).toBe(true);
  await expect(trail.record(event())).rejects.toEqual(error('StoreUnavailable', 'closed'));
  await expect(trail.commit(new CommitBuilder(), event())).rejects.toEqual(error('StoreUnavailable', 'closed'));
  const again = await openTrail(parts);
  expect(await idsIn(again)).toEqual(ids([queued, own]));
  expect(parts.troubles).toEqual([]);
});

test('closing over a broken store tells how many events are lost, and ends', async () => {
  const { trail, meta, troubles } = await makeTrail();
  trail.record(event());
  meta.broken = 'unavailable';
  await trail.close();
  expect(troubles).toContain('1 events of the audit log are lost');
});

test('tail answers the newest, or what is behind a position, across pages', async () => {
  const { trail } = await makeTrail();
  const events = Array.from({ length: 60 }, () => event());
  for (const [i, one] of events.entries()) {
    trail.record(one);
    if (i % 3 === 2) await trail.flush();
  }
  const newest = await trail.tail({ limit: 50 });
  expect(newest.map((entry) => 'event' in entry && entry.event.eventId)).toEqual(ids(events.slice(10)));
  let after: { sequence: number; index: number } | undefined = { sequence: 0, index: 0 };
  const followed: unknown[] = [];
  for (;;) {
    const some: Awaited<ReturnType<typeof trail.tail>> = await trail.tail({ limit: 7, after });
    if (some.length === 0) break;
    followed.push(...some.map((entry) => 'event' in entry && entry.event.eventId));
    after = some.at(-1);
  }
  expect(followed).toEqual(ids(events));
  expect(await trail.tail({ limit: 0 })).toEqual([]);
  const some = new Set(ids(events.filter((_, i) => i % 9 === 0)));
  const wanted = ({ eventId }: { eventId: string }) => some.has(eventId);
  for (const query of [{ wanted }, { wanted, after: { sequence: 0, index: 0 } }]) {
    const filtered = await trail.tail({ limit: some.size, ...query });
    expect(filtered.map((entry) => 'event' in entry && entry.event.eventId)).toEqual([...some]);
  }
});

test('a mutation waits for what was queued before it, and not for what keeps coming in', async () => {
  const { trail, meta } = await makeTrail();
  const events = Array.from({ length: 200 }, () => event());
  for (const one of events) trail.record(one);
  const commit = meta.commit.bind(meta);
  let inflow = 50;
  meta.commit = (one) => {
    // More than a page with every commit, as long as it lasts.
    if (inflow-- > 0) for (let i = 0; i < 200; i++) trail.record(event());
    return commit(one);
  };
  const own = event();
  expect(await trail.commit(new CommitBuilder().put(row('a')), own)).toBe(true);
  expect(inflow).toBeGreaterThan(40);
  inflow = 0;
  const ids = await idsIn(trail);
  expect(ids.indexOf(own.eventId)).toBeGreaterThan(ids.indexOf(events[199]!.eventId));
  await trail.flush();
  expect((await trail.verify()).findings).toEqual([]);
});
