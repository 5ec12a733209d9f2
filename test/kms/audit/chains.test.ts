/** Several processes write the log of one store: a chain each, looked at together. */
import { readdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { Secret } from '../../../src/base/secret.js';
import { ChainNames, chainsOf, freeChain } from '../../../src/kms/audit/chain-names.js';
import { rekeyAudit } from '../../../src/kms/audit/rekey.js';
import type { AuditTrail } from '../../../src/kms/audit/trail.js';
import { verifyAudit } from '../../../src/kms/audit/verify.js';
import { CommitBuilder } from '../../../src/store/table.js';
import { DAY_MS, event, makeParts, openTrail } from './harness.js';

async function openAll(chains = [0, 1, 2]) {
  const parts = await makeParts();
  const { meta, clock } = parts;
  const open = (chain: number) => openTrail({ ...parts, chain });
  const trails: AuditTrail[] = [];
  for (const chain of chains) trails.push(await open(chain));
  return { parts, meta, clock, trails, open };
}

const named = (name: string, clock: { now(): number }) => event({ requestId: name, timeMs: clock.now() });
const names = (entries: Awaited<ReturnType<AuditTrail['tail']>>) =>
  entries.map((entry) => ('event' in entry ? entry.event.requestId : 'damaged'));

/** Twelve events, one after the other, by turns. */
async function fill({ trails, clock }: Awaited<ReturnType<typeof openAll>>, prefix = 'e') {
  for (let i = 0; i < 12; i++) {
    const trail = trails[i % trails.length]!;
    clock.advance(1000);
    if (i % 2) await trail.commit(new CommitBuilder(), named(`${prefix}${i}`, clock));
    else void trail.record(named(`${prefix}${i}`, clock));
    await trail.flush();
  }
}
const expected = (prefix = 'e') => Array.from({ length: 12 }, (_, i) => `${prefix}${i}`);

test('what three processes wrote is verified together, and told in the order of time', async () => {
  const all = await openAll();
  await fill(all);
  const [one] = all.trails as [AuditTrail];
  const verified = await one.verify();
  expect(verified).toMatchObject({ events: 12, pages: 12, findings: [] });
  expect(verified.heads?.map(({ chain, sequence }) => [chain, sequence])).toEqual([
    [0, 4],
    [1, 4],
    [2, 4],
  ]);
  expect(names(await one.tail({ limit: 100 }))).toEqual(expected());
  expect(names(await one.tail({ limit: 5 }))).toEqual(expected().slice(-5));
  const ends = await one.ends();
  await fill(all, 'f');
  const behind = await one.tail({ limit: 7, after: ends });
  expect(names(behind)).toEqual(expected('f').slice(0, 7));
  for (const { chain = 0, sequence, index } of behind) ends.set(chain, { chain, sequence, index });
  expect(names(await one.tail({ limit: 100, after: ends }))).toEqual(expected('f').slice(7));
  for (const trail of all.trails) await trail.close();
  expect((await verifyAudit(all.parts)).findings).toEqual([]);
});

test('no process’s page makes another’s commit be tried again', async () => {
  const { trails, meta, clock } = await openAll();
  const tried = meta.commits.length;
  await Promise.all(
    trails.flatMap((trail, i) =>
      Array.from({ length: 20 }, (_, n) => trail.commit(new CommitBuilder(), named(`${i}/${n}`, clock))),
    ),
  );
  // One that failed would have been asked twice.
  expect(meta.commits.length - tried).toBe(60);
  expect((await trails[0]!.verify()).findings).toEqual([]);
});

test('pages of one chain put into another, cut off or taken away with their whole chain are found', async () => {
  const all = await openAll();
  await fill(all);
  for (const trail of all.trails) await trail.close();
  const { meta, parts } = all;
  const rows = await meta.all();
  const [first, second] = [new ChainNames(1), new ChainNames(2)];
  const bytesOf = (key: Buffer) => rows.find((row) => row.key.equals(key))!.value;
  const found = async (change: Parameters<typeof meta.tamper>[0]) => {
    await meta.replaceAll(rows);
    await meta.tamper(change);
    return (await verifyAudit(parts)).findings.join('\n');
  };
  expect(await found({})).toBe('');
  expect(await found({ puts: [{ key: first.page(2), value: bytesOf(second.page(2)) }] })).toMatch(/chain 1: page 2/);
  expect(await found({ dels: [second.page(4)] })).toMatch(/chain 2: the log ends before the page/);
  expect(await found({ dels: [1, 2, 3, 4].map((n) => second.page(n)) })).toMatch(/chain 2: the log ends before/);
  await meta.replaceAll(rows);
  await rm(second.headFile(parts.headFile));
  expect((await verifyAudit(parts)).findings.join()).toMatch(/chain 2: the head file is missing/);
});

test('one process removes what is old from all chains, and nothing that the head file of another names is missed', async () => {
  const all = await openAll();
  await fill(all);
  const { trails, parts, clock, open } = all;
  // The last one ends without having written its file: that names an older page.
  await trails[0]!.close();
  await trails[1]!.close();
  clock.advance(90 * DAY_MS);
  const again = await open(0);
  expect(await again.retain(clock.now(), 30 * DAY_MS)).toBeGreaterThan(4);
  expect((await again.verify()).findings).toEqual([]);
  await again.close();
  const taken = await open(2);
  expect((await taken.verify()).findings).toEqual([]);
  await taken.close();
  expect((await verifyAudit(parts)).removed!.events).toBeGreaterThan(4);
});

test('all chains are chained anew under another root key', async () => {
  const all = await openAll();
  await fill(all);
  for (const trail of all.trails) await trail.close();
  const { parts, meta } = all;
  const { sealer, chainKey, headFile } = parts;
  const fresh = { sealer, chainKey: new Secret(Buffer.alloc(32, 3)) };
  expect(await rekeyAudit({ meta, old: { sealer, chainKey }, new: fresh, headFile })).toBe(12);
  expect(await verifyAudit({ ...parts, ...fresh })).toMatchObject({ events: 12, findings: [] });
  expect((await verifyAudit(parts)).findings.length).toBeGreaterThan(2);
});

test('two processes that write the same chain all the same lose nothing', async () => {
  const all = await openAll([0, 0]);
  await Promise.all(
    all.trails.flatMap((trail, i) =>
      Array.from({ length: 20 }, (_, n) => trail.commit(new CommitBuilder(), named(`${i}/${n}`, all.clock))),
    ),
  );
  const verified = await all.trails[0]!.verify();
  expect([verified.events, verified.findings]).toEqual([40, []]);
});

test('a process takes the first chain that no other has', async () => {
  const taken = new Set(['audit/0', 'audit/1']);
  expect(await freeChain(async (name) => !taken.has(name))).toBe(2);
  const { parts, meta } = await openAll([0, 7]);
  expect((await chainsOf(meta, parts.headFile)).map(({ chain }) => chain)).toEqual([0, 7]);
  expect(await readdir(dirname(parts.headFile))).toContain('root.key.audit.7');
});
