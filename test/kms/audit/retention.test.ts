import { expect, test } from 'vitest';
import { pageRow } from '../../../src/kms/audit/rows.js';
import { verifyAudit } from '../../../src/kms/audit/verify.js';
import { DAY_MS, event, idsIn, makeTrail, openTrail, pageRows } from './harness.js';

/** A page of one event a day. */
async function days(count: number) {
  const made = await makeTrail();
  const ids: string[] = [];
  for (let day = 0; day < count; day++) {
    const one = event();
    ids.push(one.eventId);
    made.trail.record(one);
    await made.trail.flush();
    made.clock.advance(DAY_MS);
  }
  return { ...made, ids };
}

test('pages older than the retention go, the others verify from the checkpoint on', async () => {
  const { trail, clock, meta, ids, parts } = await days(200);
  expect(await trail.retain(clock.now(), 30 * DAY_MS)).toBe(170);
  expect(await idsIn(trail)).toEqual(ids.slice(170));
  const verification = await trail.verify();
  expect(verification).toMatchObject({ pages: 30, events: 30, findings: [] });
  expect(verification.removed).toMatchObject({ sequence: 170, pages: 170, events: 170, gaps: 0, damage: 0 });
  for (const { checks = [], puts = [], dels = [] } of meta.commits) {
    expect(checks.length + puts.length + dels.length).toBeLessThan(100);
  }
  expect(await trail.retain(clock.now(), 30 * DAY_MS)).toBe(0);
  await trail.close();
  const again = await openTrail(parts);
  expect(parts.troubles).toEqual([]);
  expect((await again.verify()).findings).toEqual([]);
});

test('when every page is gone the chain goes on from the checkpoint, also after a restart', async () => {
  const { trail, clock, meta, parts } = await days(5);
  expect(await trail.retain(clock.now() + DAY_MS, DAY_MS)).toBe(5);
  expect(await pageRows(meta)).toHaveLength(0);
  expect(await trail.verify()).toMatchObject({ pages: 0, head: { sequence: 5 }, findings: [] });
  await trail.close();
  const again = await openTrail(parts);
  again.record(event());
  await again.flush();
  expect((await pageRows(meta))[0]!.key).toEqual(pageRow(6));
  expect(await again.verify()).toMatchObject({ pages: 1, findings: [] });
  expect(parts.troubles).toEqual([]);
});

test('a crash between any two commits leaves a log that verifies, and the next run ends the work', async () => {
  const whole = await days(150);
  const rows = await whole.meta.all();
  const commits = whole.meta.commits.length;
  await whole.trail.retain(whole.clock.now(), 10 * DAY_MS);
  const needed = whole.meta.commits.length - commits;
  expect(needed).toBe(3);
  for (let left = 0; left < needed; left++) {
    const { meta, trail, parts } = whole;
    await meta.replaceAll(rows);
    meta.left = left;
    await expect(trail.retain(whole.clock.now(), 10 * DAY_MS)).rejects.toThrow('dead');
    meta.left = Number.POSITIVE_INFINITY;
    const verification = await verifyAudit(parts);
    expect(verification.findings).toEqual([]);
    expect(verification.pages + (verification.removed?.pages ?? 0)).toBe(150);
    const again = await openTrail(parts);
    expect(await again.retain(whole.clock.now(), 10 * DAY_MS)).toBe(140 - (verification.removed?.pages ?? 0));
    expect(await again.verify()).toMatchObject({ pages: 10, findings: [], removed: { pages: 140, events: 140 } });
  }
});

test('what did not verify is counted in the checkpoint and stays a finding when the pages are gone', async () => {
  const { trail, clock, meta, parts } = await days(10);
  await meta.tamper({ dels: [pageRow(3), pageRow(10)], puts: [{ key: pageRow(5), value: Buffer.alloc(200) }] });
  await trail.close();
  const again = await openTrail(parts);
  expect(parts.troubles).toHaveLength(1);
  clock.advance(DAY_MS);
  again.record(event());
  await again.flush();
  expect(await again.retain(clock.now() + 1, 1)).toBeGreaterThan(8);
  const { findings, removed } = await again.verify();
  expect(removed).toMatchObject({ gaps: 1, damage: 2 });
  expect(findings).toEqual(['the removed pages up to 10 told of 1 gaps and had 2 damaged places']);
});

test('verification and new events while pages are removed see no hole', async () => {
  const { trail, clock } = await days(150);
  const results = await Promise.all([
    trail.verify(),
    trail.retain(clock.now(), 5 * DAY_MS),
    trail.verify(),
    (async () => {
      trail.record(event());
      await trail.flush();
    })(),
  ]);
  expect(results[0].findings).toEqual([]);
  expect(results[1]).toBe(145);
  expect(results[2].findings).toEqual([]);
});
