import { StoreDamaged } from '../../base/damaged.js';
import type { Row } from '../../store/ports.js';
import { AuditChain, type ChainParts } from './chain.js';
import { chainsOf, FIRST_CHAIN } from './chain-names.js';
import { eventsOf } from './page.js';
import type { AuditEvent } from './ports.js';

const ROWS_AT_ONCE = 16;

/** Of an event: its page, and its place in it from 0 on. */
export interface Position {
  /** Absent: the first, or the only one. */
  chain?: number;
  sequence: number;
  index: number;
}

/** An event; or a page that doesn't open, in the place of its events. */
export type TailEntry = Position & ({ event: AuditEvent } | { damaged: string });

/** `after`: by chain; of a chain that isn't named, everything is behind it. One alone is the first chain's. */
export type TailOfAll = Omit<TailQuery, 'after'> & { after?: Position | ReadonlyMap<number, Position> | undefined };

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

/** Of all chains, by time; each chain in its own order. */
export async function tailAudit(parts: ChainParts & { headFile: string }, query: TailOfAll): Promise<TailEntry[]> {
  const { after, ...rest } = query;
  const tails: TailEntry[][] = [];
  for (const { chain } of await chainsOf(parts.meta, parts.headFile)) {
    const own = after instanceof Map ? (after.get(chain) ?? START) : chain === FIRST_CHAIN ? after : after && START;
    const entries = await tailOf(new AuditChain({ ...parts, chain }), { ...rest, after: own as Position | undefined });
    tails.push(chain === FIRST_CHAIN ? entries : entries.map((entry) => ({ ...entry, chain })));
  }
  const merged = tails.length === 1 ? tails[0]! : merge(tails);
  return after ? merged.slice(0, query.limit) : merged.slice(-Math.max(query.limit, 0) || merged.length);
}

/** Where every chain ends now. */
export async function endsOf(parts: ChainParts & { headFile: string }): Promise<Map<number, Position>> {
  const ends = new Map<number, Position>();
  for (const { chain } of await chainsOf(parts.meta, parts.headFile)) {
    const { sequence } = await new AuditChain({ ...parts, chain }).newest();
    ends.set(chain, { chain, sequence, index: Number.MAX_SAFE_INTEGER });
  }
  return ends;
}

function merge(tails: TailEntry[][]): TailEntry[] {
  const merged: TailEntry[] = [];
  const at = tails.map(() => 0);
  for (;;) {
    let next = -1;
    for (const [i, tail] of tails.entries()) {
      const entry = tail[at[i]!];
      if (entry && (next < 0 || timeOf(entry) < timeOf(tails[next]![at[next]!]!))) next = i;
    }
    if (next < 0) return merged;
    merged.push(tails[next]![at[next]!++]!);
  }
}

const START: Position = { sequence: 0, index: 0 };
/** A page that doesn't open comes at once: when it was written isn't known. */
const timeOf = (entry: TailEntry): number => ('event' in entry ? entry.event.timeMs : 0);

async function entriesBehind(chain: AuditChain, after: Position, { limit, wanted }: TailQuery): Promise<TailEntry[]> {
  const found: TailEntry[] = [];
  let gte = chain.names.page(after.sequence);
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
    const rows = await chain.rows(ROWS_AT_ONCE, lt ? { lt, reverse: true } : { reverse: true });
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
  const sequence = chain.names.sequenceOf(row.key);
  if (sequence === undefined) return [];
  try {
    return eventsOf(chain.open(row)).flatMap((event, index) => (wanted(event) ? [{ sequence, index, event }] : []));
  } catch (error) {
    if (!(error instanceof StoreDamaged)) throw error;
    return [{ sequence, index: 0, damaged: error.message }];
  }
}
