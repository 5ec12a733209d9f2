import { setImmediate as yieldToRequests } from 'node:timers/promises';
import { StoreDamaged } from '../../base/damaged.js';
import { AuditChain, type ChainParts, placeOfCheckpoint } from './chain.js';
import { ChainCheck } from './chain-check.js';
import { findGap, gapText } from './gap.js';
import { HeadFile } from './head-file.js';
import { eventsOf, type Page } from './page.js';
import { type CheckpointRecord, PAGES } from './rows.js';

/** Up to 3 MiB are looked at before others get their turn. */
const ROWS_AT_ONCE = 48;

export interface Verification {
  /** What is there and opens. */
  pages: number;
  events: number;
  /** Of the first and the last event. */
  firstMs?: number;
  lastMs?: number;
  /** The end of the log. Whoever keeps it elsewhere can tell later that nothing before it was changed. MAC in hex. */
  head: { sequence: number; mac: string };
  /** What retention removed. */
  removed?: CheckpointRecord;
  /** One line each. Empty: the log is as it was written. */
  findings: string[];
}

/** Every page from the checkpoint on: number, seal, MAC, link to the page before; and the head file. Nothing is written. */
export async function verifyChain(
  chain: AuditChain,
  file: HeadFile,
  onProgress?: (pages: number) => void,
): Promise<Verification> {
  // Before the pages: the log may grow meanwhile, the file then names a page behind them.
  const expected = await file.read();
  const { checkpoint, damage } = await readCheckpoint(chain);
  const check = new ChainCheck(chain, placeOfCheckpoint(checkpoint));
  if (damage) check.find(damage);
  if (checkpoint && checkpoint.gaps + checkpoint.damage > 0) {
    check.find(
      `the removed pages up to ${checkpoint.sequence} told of ${checkpoint.gaps} gaps and had ${checkpoint.damage} damaged places`,
    );
  }
  let first: Page | undefined;
  let last: Page | undefined;
  let gte: Uint8Array = PAGES;
  for (;;) {
    const rows = await chain.rows(ROWS_AT_ONCE, { gte });
    for (const row of rows) {
      last = check.take(row) ?? last;
      first ??= last;
    }
    onProgress?.(check.pages);
    const lastRow = rows.at(-1);
    if (rows.length < ROWS_AT_ONCE || !lastRow) break;
    gte = Buffer.concat([lastRow.key, Buffer.of(0)]);
    await yieldToRequests();
  }
  const gap = await findGap(chain, expected);
  if (gap) check.find(gapText(gap));
  return {
    pages: check.pages,
    events: check.events,
    ...(first && last ? { firstMs: eventsOf(first)[0]!.timeMs, lastMs: eventsOf(last).at(-1)!.timeMs } : {}),
    head: { sequence: check.sequence, mac: check.mac.toBytes().toString('hex') },
    ...(checkpoint ? { removed: checkpoint } : {}),
    findings: check.findings,
  };
}

/** For a store that no server has open: nothing is written, not even a gap that is found. */
export function verifyAudit(
  parts: ChainParts & { headFile: string },
  onProgress?: (pages: number) => void,
): Promise<Verification> {
  return verifyChain(new AuditChain(parts), new HeadFile(parts.headFile, parts.chainKey), onProgress);
}

async function readCheckpoint(
  chain: AuditChain,
): Promise<{ checkpoint?: CheckpointRecord | undefined; damage?: string }> {
  try {
    return { checkpoint: (await chain.checkpoint())?.record };
  } catch (error) {
    if (!(error instanceof StoreDamaged)) throw error;
    return { damage: `the checkpoint doesn't open: ${error.message}` };
  }
}
