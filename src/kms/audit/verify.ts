import { setImmediate as yieldToRequests } from 'node:timers/promises';
import { StoreDamaged } from '../../base/damaged.js';
import { AuditChain, type ChainParts, placeOfCheckpoint } from './chain.js';
import { ChainCheck } from './chain-check.js';
import { type ChainNames, chainsOf, FIRST_CHAIN } from './chain-names.js';
import { findGap, gapText } from './gap.js';
import { HeadFile } from './head-file.js';
import { eventsOf, type Page } from './page.js';
import type { CheckpointRecord } from './rows.js';

/** Up to 3 MiB are looked at before others get their turn. */
const ROWS_AT_ONCE = 48;
const TRIES = 3;

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
  /** Of every chain, where there are several; `head` is the first's then, and all else is of all together. */
  heads?: { chain: number; sequence: number; mac: string }[];
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
  let gte: Uint8Array = chain.names.pages;
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

/** Every chain. Nothing is written, not even a gap that is found. */
export async function verifyAudit(
  parts: ChainParts & { headFile: string },
  onProgress?: (pages: number) => void,
): Promise<Verification> {
  const found: { chain: number; verified: Verification }[] = [];
  let pages = 0;
  for (const names of await chainsOf(parts.meta, parts.headFile)) {
    const chain = new AuditChain({ ...parts, chain: names.chain });
    const verified = await verifyAtRest(
      chain,
      headFileOf(parts, names),
      onProgress && ((own) => onProgress(pages + own)),
    );
    pages += verified.pages;
    found.push({ chain: names.chain, verified });
  }
  return together(found);
}

export const headFileOf = (
  { headFile, chainKey }: Pick<ChainParts, 'chainKey'> & { headFile: string },
  names: ChainNames,
): HeadFile => new HeadFile(names.headFile(headFile), names.key(chainKey));

/** Another process may remove old pages while they are looked at: then they are looked at again. */
async function verifyAtRest(
  chain: AuditChain,
  file: HeadFile,
  onProgress: ((pages: number) => void) | undefined,
): Promise<Verification> {
  for (let i = 0; ; i++) {
    const before = (await readCheckpoint(chain)).checkpoint?.sequence;
    const verified = await verifyChain(chain, file, onProgress);
    const after = (await readCheckpoint(chain)).checkpoint?.sequence;
    if (verified.findings.length === 0 || before === after || i === TRIES) return verified;
  }
}

function together(found: readonly { chain: number; verified: Verification }[]): Verification {
  const [first] = found as [{ chain: number; verified: Verification }];
  if (found.length === 1) return first.verified;
  const all = found.map(({ verified }) => verified);
  const times = all.flatMap(({ firstMs, lastMs }) => [firstMs ?? [], lastMs ?? []].flat());
  const removed = all.flatMap((one) => one.removed ?? []);
  const sum = (of: (one: CheckpointRecord) => number): number => removed.reduce((total, one) => total + of(one), 0);
  return {
    pages: all.reduce((total, one) => total + one.pages, 0),
    events: all.reduce((total, one) => total + one.events, 0),
    ...(times.length > 0 && { firstMs: Math.min(...times), lastMs: Math.max(...times) }),
    head: first.verified.head,
    heads: found.map(({ chain, verified }) => ({ chain, ...verified.head })),
    ...(removed.length > 0 && {
      removed: {
        ...removed[0]!,
        ...{ pages: sum((one) => one.pages), events: sum((one) => one.events) },
        ...{ gaps: sum((one) => one.gaps), damage: sum((one) => one.damage) },
      },
    }),
    findings: found.flatMap(({ chain, verified }) =>
      verified.findings.map((text) => (chain === FIRST_CHAIN ? text : `chain ${chain}: ${text}`)),
    ),
  };
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
