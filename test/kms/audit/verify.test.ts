import { readFile, rm, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { CHECKPOINT_ROW, pageRow } from '../../../src/kms/audit/rows.js';
import { tailAudit } from '../../../src/kms/audit/tail.js';
import { verifyAudit } from '../../../src/kms/audit/verify.js';
import type { Row } from '../../../src/store/ports.js';
import {
  DAY_MS,
  event,
  type FaultyStore,
  idsIn,
  keysOf,
  makeParts,
  makeTrail,
  openTrail,
  pageRows,
} from './harness.js';

/** Ten pages of two events, closed: the head file names page 10. */
async function tenPages() {
  const made = await makeTrail();
  await append(made.trail, 10);
  await made.trail.close();
  return { ...made, rows: await pageRows(made.meta) };
}

async function append(trail: Awaited<ReturnType<typeof openTrail>>, pages: number): Promise<void> {
  for (let i = 0; i < pages; i++) {
    trail.record(event());
    trail.record(event());
    await trail.flush();
  }
}

test('a log that nobody touched verifies, is whole after a restart, and causes no event', async () => {
  const { parts, meta, headFile, troubles } = await tenPages();
  const before = await meta.all();
  const progress: number[] = [];
  const verification = await verifyAudit(parts, (pages) => progress.push(pages));
  expect(verification).toMatchObject({ pages: 10, events: 20, findings: [] });
  expect(verification.head.sequence).toBe(10);
  expect(verification.lastMs! - verification.firstMs!).toBe(19);
  expect(progress).toEqual([10]);
  expect(await meta.all()).toEqual(before);
  const text = await readFile(headFile, 'latin1');
  expect(Buffer.from(text.split(' ')[1]!, 'base64').subarray(8, 40).toString('hex')).toBe(verification.head.mac);
  const trail = await openTrail(parts);
  await append(trail, 1);
  expect(await trail.verify()).toMatchObject({ pages: 11, events: 22, findings: [] });
  expect(troubles).toEqual([]);
});

type Tampering = {
  name: string;
  tamper(store: FaultyStore, rows: Row[]): Promise<void>;
  /** What verification says, by parts. */
  findings: string[];
  /** What a start says. Absent: it doesn't look so far. */
  trouble?: string;
};

const at = (rows: Row[], sequence: number): Row => rows[sequence - 1]!;
const edited = (value: Buffer): Buffer => {
  const copy = Buffer.from(value);
  copy[copy.length >> 1]! ^= 1;
  return copy;
};

const TAMPERINGS: Tampering[] = [
  {
    name: 'a byte of a page is changed',
    tamper: (store, rows) => store.tamper({ puts: [{ ...at(rows, 4), value: edited(at(rows, 4).value) }] }),
    findings: ["page 4 doesn't open"],
  },
  {
    name: 'a page is emptied',
    tamper: (store, rows) => store.tamper({ puts: [{ ...at(rows, 4), value: Buffer.alloc(0) }] }),
    findings: ["page 4 doesn't open"],
  },
  {
    name: 'a page is removed',
    tamper: (store, rows) => store.tamper({ dels: [at(rows, 4).key] }),
    findings: ['page 4 is missing'],
  },
  {
    name: 'the first pages are removed',
    tamper: (store, rows) => store.tamper({ dels: rows.slice(0, 3).map(({ key }) => key) }),
    findings: ['pages 1 to 3 are missing'],
  },
  {
    name: 'two pages are swapped',
    tamper: (store, rows) =>
      store.tamper({
        puts: [
          { key: at(rows, 4).key, value: at(rows, 5).value },
          { key: at(rows, 5).key, value: at(rows, 4).value },
        ],
      }),
    findings: ["page 4 doesn't open", "page 5 doesn't open"],
  },
  {
    name: 'the end is cut off',
    tamper: (store, rows) => store.tamper({ dels: rows.slice(7).map(({ key }) => key) }),
    findings: ['the log ends before the page that the head file names: page 10 with MAC'],
    trouble: 'the log ends before',
  },
  {
    name: 'the last page is changed',
    tamper: (store, rows) => store.tamper({ puts: [{ ...at(rows, 10), value: edited(at(rows, 10).value) }] }),
    findings: ["page 10 doesn't open", 'the newest page is damaged'],
    trouble: 'the newest page is damaged',
  },
  {
    name: 'everything is removed',
    tamper: (store) => store.replaceAll([]),
    findings: ['the log ends before the page that the head file names'],
    trouble: 'the log ends before',
  },
  {
    name: 'rows that are no pages are slipped in',
    tamper: (store, rows) =>
      store.tamper({
        puts: [
          { key: Buffer.from('k/l/x'), value: Buffer.alloc(3) },
          { key: pageRow(0), value: at(rows, 1).value },
        ],
      }),
    findings: ['row 6b2f6c2f78 is no page', 'row 6b2f6c2f0000000000000000 is no page'],
  },
];

test('whatever is done to the pages is found, and what the head file tells is found at start', async () => {
  let tried = 0;
  for (const { name, tamper, findings, trouble } of TAMPERINGS) {
    const { parts, meta, rows, troubles } = await tenPages();
    await tamper(meta, rows);
    const found = (await verifyAudit(parts)).findings;
    expect(found, `${name}: ${found.join('; ')}`).toHaveLength(findings.length);
    for (const part of findings) expect(found, name).toContainEqual(expect.stringContaining(part));
    const trail = await openTrail(parts);
    if (trouble) expect(troubles, name).toEqual([expect.stringContaining(trouble)]);
    else expect(troubles, name).toEqual([]);
    // The server goes on, and the log takes more.
    await append(trail, 2);
    if (trouble) {
      const gap = (await trail.tail({ limit: 5 }))[0];
      expect(gap, name).toMatchObject({ event: { action: 'AuditGap', details: { expectedSequence: 10 } } });
      expect((await trail.verify()).findings, name).toContainEqual(expect.stringContaining('tells of a gap'));
    }
    expect((await trail.verify()).findings.length, name).toBeGreaterThan(0);
    tried++;
  }
  expect(tried).toBe(9);
});

test('a fork is found: an old copy of the log that went on differently, and a page of one branch in the other', async () => {
  const { parts, meta, troubles, rows } = await tenPages();
  const old = (await meta.all()).slice(0, 8);
  expect(old).toHaveLength(8);
  await meta.replaceAll(old);
  const headOfTen = await readFile(parts.headFile);
  // Without the head file's testimony the other branch looks whole.
  const branch = await openTrail(parts);
  expect(troubles).toHaveLength(1);
  await append(branch, 4);
  await branch.close();
  await writeFile(parts.headFile, headOfTen);
  const again = await openTrail(parts);
  expect(troubles[1]).toContain('another page in the place that the head file names: page 10');
  await again.close();
  await meta.tamper({ puts: [at(rows, 9)] });
  const { findings } = await verifyAudit(parts);
  expect(findings).toContainEqual(expect.stringContaining('page 10 follows another page 9'));
});

test('a head file that is missing, damaged, of another root key or of an older checkpoint is told of once, at start', async () => {
  const { parts, troubles, headFile, meta } = await tenPages();
  const other = await makeParts();
  const foreign = await openTrail({ ...other, ...keysOf(8) });
  await append(foreign, 1);
  await foreign.close();
  const cases: [reason: string, change: () => Promise<unknown>][] = [
    ['the head file is missing', () => rm(headFile)],
    ['the head file is damaged', () => writeFile(headFile, 'coffer-audit-head-v1 AAAA\n')],
    ['the head file is damaged', () => writeFile(headFile, '')],
    [
      'the head file is damaged or belongs to another root key',
      async () => writeFile(headFile, await readFile(other.headFile)),
    ],
  ];
  for (const [reason, change] of cases) {
    await change();
    expect((await verifyAudit(parts)).findings.at(-1), reason).toContain(reason);
    const trail = await openTrail(parts);
    expect(troubles.at(-1)).toContain(reason);
    await trail.close();
  }
  expect(troubles).toHaveLength(cases.length);
  const { findings } = await verifyAudit(parts);
  expect(findings).toHaveLength(cases.length);
  const old = await readFile(headFile);
  const trail = await openTrail(parts);
  await append(trail, 3);
  parts.clock.advance(10 * DAY_MS);
  await append(trail, 1);
  await trail.retain(parts.clock.now(), DAY_MS);
  await trail.close();
  await writeFile(headFile, old);
  expect((await verifyAudit(parts)).findings.at(-1)).toContain('older than the checkpoint');
  await meta.tamper({ dels: [CHECKPOINT_ROW] });
  expect((await verifyAudit(parts)).findings[0]).toMatch(/pages 1 to \d+ are missing/);
});

test('the first start makes the head file before the first page: losing it later is found', async () => {
  const { parts, trail, troubles } = await makeTrail();
  expect(await readFile(parts.headFile, 'latin1')).toMatch(/^coffer-audit-head-v1 /);
  trail.record(event());
  await trail.flush();
  // A crash: the file still names the beginning, which is no gap.
  const again = await openTrail(parts);
  expect(troubles).toEqual([]);
  await again.close();
  await rm(parts.headFile);
  await openTrail(parts);
  expect(troubles).toEqual([expect.stringContaining('the head file is missing')]);
});

test('the head file is written at most once a second, and is never ahead of the log', async () => {
  const { parts, trail, timers } = await makeTrail();
  const start = await readFile(parts.headFile, 'latin1');
  await append(trail, 5);
  timers.advance(999);
  expect(await readFile(parts.headFile, 'latin1')).toBe(start);
  timers.advance(1);
  await expect.poll(async () => (await readFile(parts.headFile, 'latin1')) !== start).toBe(true);
  const bytes = Buffer.from((await readFile(parts.headFile, 'latin1')).split(' ')[1]!, 'base64');
  expect(Number(bytes.readBigUInt64BE())).toBe(5);
});

test('a head file that can not be written is told of once, and does not stop the log', async () => {
  const { trail, parts, troubles, timers } = await makeTrail();
  await rm(parts.headFile);
  const { mkdir } = await import('node:fs/promises');
  await mkdir(parts.headFile);
  for (let i = 0; i < 3; i++) {
    await append(trail, 1);
    timers.advance(1000);
    await trail.retain(0, 0);
  }
  expect(troubles).toEqual([expect.stringContaining("can't be kept")]);
  expect(await idsIn(trail)).toHaveLength(6);
});

test('a gap that could not be recorded at start is recorded before anything else, and the head file waits for it', async () => {
  const { parts, meta, rows } = await tenPages();
  await meta.tamper({ dels: [at(rows, 10).key] });
  const head = await readFile(parts.headFile, 'latin1');
  meta.broken = 'unavailable';
  const trail = await openTrail(parts);
  await expect(trail.record(event())).rejects.toThrow();
  parts.timers.advance(5000);
  expect(await readFile(parts.headFile, 'latin1')).toBe(head);
  meta.broken = undefined;
  await trail.flush();
  const entries = await trail.tail({ limit: 2 });
  expect(entries).toMatchObject([
    { sequence: 10, index: 0, event: { action: 'AuditGap' } },
    { sequence: 10, index: 1 },
  ]);
});

test('tail shows a damaged page in the place of its events', async () => {
  const { parts, meta, rows } = await tenPages();
  await meta.tamper({ puts: [{ ...at(rows, 9), value: edited(at(rows, 9).value) }] });
  const entries = await tailAudit(parts, { limit: 4 });
  expect(entries.map((entry) => [entry.sequence, 'damaged' in entry])).toEqual([
    [8, false],
    [9, true],
    [10, false],
    [10, false],
  ]);
});

test('findings are bounded in number', async () => {
  const { parts, meta } = await makeTrail();
  const puts = Array.from({ length: 1500 }, (_, i) => ({ key: pageRow(i + 1), value: Buffer.alloc(9) }));
  await meta.tamper({ puts: puts.slice(0, 400) });
  for (let i = 400; i < puts.length; i += 400) await meta.tamper({ puts: puts.slice(i, i + 400) });
  const { findings } = await verifyAudit(parts);
  expect(findings).toHaveLength(1002 - 1);
  expect(findings.at(-1)).toBe('and more');
});
