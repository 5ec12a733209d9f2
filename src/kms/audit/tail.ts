import { StoreDamaged } from '../../base/damaged.js';
import type { Row } from '../../store/ports.js';
import { AuditChain, type ChainParts } from './chain.js';
import { eventsOf } from './page.js';
import type { AuditEvent } from './ports.js';
import { PAGES, pageRow, sequenceOf } from './rows.js';

const ROWS_AT_ONCE = 16;

/** Of an event: its page, and its place in it from 0 on. */
export interface Position {
  sequence: number;
  index: number;
}

/** An event; or a page that doesn't open, in the place of its events. */
export type TailEntry = Position & ({ event: AuditEvent } | { damaged: string });

export interface TailQuery {
  limit: number;
  after?: Position | undefined;
  /** Others are passed over and not counted. Pages that don't open always count. */
  wanted?: ((event: AuditEvent) => boolean) | undefined;
}

/** The newest `limit` events, or the first `limit` behind `after`; oldest first. */
export async function tailOf(chain: AuditChain, query: TailQuery): Promise<TailEntry[]> {
  if (query.limit < 1) return [];
  return query.after ? entriesBehind(chain, query.after, query) : newestEntries(chain, query);
}

/** For a store that no server has open. */
export function tailAudit(parts: ChainParts, query: TailQuery): Promise<TailEntry[]> {
  return tailOf(new AuditChain(parts), query);
}

async function entriesBehind(chain: AuditChain, after: Position, { limit, wanted }: TailQuery): Promise<TailEntry[]> {
  const found: TailEntry[] = [];
  let gte = pageRow(after.sequence);
  for (;;) {
    const rows = await chain.rows(ROWS_AT_ONCE, { gte });
    for (const row of rows) {
      for (const entry of entriesOf(chain, row, wanted)) {
        if (entry.sequence === after.sequence && entry.index <= after.index) continue;
        found.push(entry);
        if (found.length === limit) return found;
      }
    }
    const last = rows.at(-1);
    if (rows.length < ROWS_AT_ONCE || !last) return found;
    gte = Buffer.concat([last.key, Buffer.of(0)]);
  }
}

async function newestEntries(chain: AuditChain, { limit, wanted }: TailQuery): Promise<TailEntry[]> {
  const newestFirst: TailEntry[] = [];
  let lt: Uint8Array | undefined;
  for (;;) {
    const rows = await chain.rows(ROWS_AT_ONCE, lt ? { gte: PAGES, lt, reverse: true } : { reverse: true });
    for (const row of rows) {
      for (const entry of entriesOf(chain, row, wanted).reverse()) {
        newestFirst.push(entry);
        if (newestFirst.length === limit) return newestFirst.reverse();
      }
    }
    if (rows.length < ROWS_AT_ONCE) return newestFirst.reverse();
    lt = rows.at(-1)!.key;
  }
}

function entriesOf(chain: AuditChain, row: Row, wanted: TailQuery['wanted'] = () => true): TailEntry[] {
  const sequence = sequenceOf(row.key);
  if (sequence === undefined) return [];
  try {
    return eventsOf(chain.open(row)).flatMap((event, index) => (wanted(event) ? [{ sequence, index, event }] : []));
  } catch (error) {
    if (!(error instanceof StoreDamaged)) throw error;
    return [{ sequence, index: 0, damaged: error.message }];
  }
}
