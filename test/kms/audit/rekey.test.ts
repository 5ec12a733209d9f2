import { rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { rekeyAudit } from '../../../src/kms/audit/rekey.js';
import { CHAIN_ROWS, pageRow } from '../../../src/kms/audit/rows.js';
import { AuditTrail } from '../../../src/kms/audit/trail.js';
import { verifyAudit } from '../../../src/kms/audit/verify.js';
import { rootKeyIdOf } from '../../../src/seal/record-sealer.js';
import { under } from '../../../src/store/keys.js';
import { DAY_MS, event, idsIn, keysOf, makeTrail, openTrail } from './harness.js';

const OLD = keysOf(7);
const NEW = keysOf(8);

/** 150 pages, 20 of them removed by retention. */
async function closedLog() {
  const made = await makeTrail();
  for (let i = 0; i < 150; i++) {
    made.trail.record(event());
    await made.trail.flush();
    made.clock.advance(DAY_MS);
  }
  await made.trail.retain(made.clock.now(), 130 * DAY_MS);
  const ids = await idsIn(made.trail);
  await made.trail.close();
  const { meta, headFile } = made;
  return { ...made, ids, rekey: { meta, headFile, old: OLD, new: NEW }, renewed: { ...made.parts, ...NEW } };
}

test('the chain under the new root key verifies, holds the same events and goes on; nothing is left under the old one', async () => {
  const { rekey, renewed, ids, meta, troubles } = await closedLog();
  const progress: number[] = [];
  expect(await rekeyAudit({ ...rekey, onProgress: (pages) => progress.push(pages) })).toBe(130);
  expect(progress.at(-1)).toBe(130);
  const verification = await verifyAudit(renewed);
  expect(verification).toMatchObject({ pages: 130, findings: [], removed: { pages: 20 }, head: { sequence: 150 } });
  const rows = await meta.range({ ...under(CHAIN_ROWS), limit: 1000 });
  expect(rows).toHaveLength(131);
  for (const { value } of rows) expect(rootKeyIdOf(value)).toEqual(NEW.sealer.rootKey.id);
  const trail = await openTrail(renewed);
  expect(troubles).toEqual([]);
  expect(await idsIn(trail)).toEqual(ids);
  trail.record(event());
  await trail.flush();
  expect((await trail.verify()).findings).toEqual([]);
  // Done is done.
  expect(await rekeyAudit(rekey)).toBe(0);
});

test('it may end behind any commit and be called again', async () => {
  let ended = 0;
  for (let left = 0; left < 10; left++) {
    const { rekey, renewed, ids, meta } = await closedLog();
    meta.left = left;
    const first = await rekeyAudit(rekey).catch((error: Error) => error.message);
    meta.left = Number.POSITIVE_INFINITY;
    if (typeof first === 'number') break;
    expect(first).toBe('dead');
    await rekeyAudit(rekey);
    const trail = await openTrail(renewed);
    expect((await trail.verify()).findings).toEqual([]);
    expect(await idsIn(trail)).toEqual(ids);
    await trail.close();
    expect(renewed.troubles).toEqual([]);
    ended++;
  }
  // Beginning, three batches, the end.
  expect(ended).toBe(5);
});

test('what was a finding before is one after: a forged log does not become whole', async () => {
  const { rekey, renewed, meta, parts } = await closedLog();
  // Without its head file the log records a gap, as page 151.
  await rm(parts.headFile);
  await (await AuditTrail.open(parts)).close();
  await meta.tamper({ dels: [pageRow(50)], puts: [{ key: pageRow(70), value: Buffer.alloc(300) }] });
  const before = (await verifyAudit(parts)).findings;
  expect(before.some((one) => one.includes('page 50 is missing'))).toBe(true);
  expect(before.some((one) => one.includes("page 70 doesn't open"))).toBe(true);
  await rekeyAudit(rekey);
  const after = (await verifyAudit(renewed)).findings;
  for (const part of ['page 50 is missing', "page 70 doesn't open", 'page 151 tells of a gap']) {
    expect(after).toContainEqual(expect.stringContaining(part));
  }
});

test("a page that follows another one than the one before it doesn't follow the new one either", async () => {
  const { rekey, renewed, meta, parts } = await closedLog();
  const rows = await meta.all();
  // Back to page 120, and on from there: two branches that share their beginning.
  await meta.tamper({ dels: Array.from({ length: 30 }, (_, i) => pageRow(121 + i)) });
  const branch = await AuditTrail.open(parts);
  for (let i = 0; i < 40; i++) {
    branch.record(event());
    await branch.flush();
  }
  await branch.close();
  await meta.tamper({ puts: rows.filter(({ key }) => key.equals(pageRow(130))) });
  expect((await verifyAudit(parts)).findings.filter((one) => one.includes('follows another'))).toHaveLength(2);
  await rekeyAudit(rekey);
  const after = (await verifyAudit(renewed)).findings;
  expect(after).toContainEqual(expect.stringContaining('the chain starts anew with page 130'));
  expect(after).toContainEqual(expect.stringContaining('the chain starts anew with page 131'));
});

test("a log that doesn't agree with its head file is refused before anything is written", async () => {
  const { rekey, meta, parts } = await closedLog();
  await meta.tamper({ dels: [pageRow(150)] });
  const before = await meta.all();
  await expect(rekeyAudit(rekey)).rejects.toThrow("don't agree: the log ends before");
  expect(await meta.all()).toEqual(before);
  // Opened under the old root key the gap is recorded, and then it goes.
  await (await AuditTrail.open(parts)).close();
  expect(await rekeyAudit(rekey)).toBe(130);
});

test('a log without a page is taken, too', async () => {
  const { trail, meta, headFile, parts } = await makeTrail();
  await trail.close();
  expect(await rekeyAudit({ meta, headFile, old: OLD, new: NEW })).toBe(0);
  const again = await openTrail({ ...parts, ...NEW });
  expect(parts.troubles).toEqual([]);
  expect((await again.verify()).findings).toEqual([]);
});
