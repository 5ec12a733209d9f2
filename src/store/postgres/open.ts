import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, type ClientBase } from 'pg';
import { ConfigError } from '../../base/config-error.js';
import type { EngineCounts, EngineOptions, OpenedMeta } from '../engines.js';
import { StoreUnavailable } from '../errors.js';
import type { BlobStore } from '../ports.js';
import { PostgresBlobStore } from './blob-store.js';
import { Connections, type ConnectionsOptions, clientConfig, isRefusal } from './connections.js';
import { CursorLimits } from './cursor-limits.js';
import { failure, sqlState } from './failures.js';
import { PostgresMetaStore } from './meta-store.js';
import { type CommitMode, creation, ISOLATION, POSTGRES_FORMAT, POSTGRES_VERSION } from './schema.js';
import { Sessions } from './sessions.js';
import {
  hasStore,
  readStoreRows,
  requireDurablePrimary,
  requireMode,
  requireStore,
  type StoreRows,
} from './store-rows.js';
import { type PostgresTarget, parsePostgresUrl } from './url.js';

/** Numbers since the start, for metrics. */
export interface PostgresCounts extends EngineCounts {
  /** By what they serve; `connections` is the sum. */
  pools: Record<'reads' | 'commits' | 'blobs', { open: number; idle: number; waiting: number; max: number }>;
  /** Snapshots that are open. */
  cursors: number;
  /** `refused`: a check failed. `conflicts`: another transaction was in the way, and it was tried again. `seconds`: of all together. */
  commits: { commits: number; refused: number; conflicts: number; seconds: number };
  /** Commits whose answer was lost. */
  resolved: { applied: number; notApplied: number; unknown: number };
}

export interface PostgresStore extends OpenedMeta {
  mode: CommitMode;
  blobs: BlobStore;
  counts(): PostgresCounts;
}

const OPEN_RETRY_MS = 200;

/**
 * Opens the store that lies in a schema of this database, or makes it.
 *
 * @throws ConfigError for a URL, password, mode or durability that won't do, StoreTooNew, StoreDamaged, StoreUnavailable
 *
 * @example
 * const store = await openPostgres('postgres://coffer@db.example.com/coffer', { onTrouble, graceMs, password });
 * await store.meta.commit({ puts: [{ key: Buffer.from('a'), value: Buffer.from('1') }] });
 * await store.close();
 */
export async function openPostgres(url: string, options: EngineOptions): Promise<PostgresStore> {
  const target = parsePostgresUrl(url);
  const { schema, tuning } = target;
  const { onTrouble, graceMs } = options;
  const { pool, resolveMs, cursorMs, patienceMs } = tuning;
  const password = () => options.password?.expose().toString('utf8') ?? target.password;
  const base = { timeoutMs: tuning.timeoutMs, patienceMs, idleInTransactionMs: cursorMs, password, onTrouble };
  const rows = await firstLook(target, base, options.storeId ?? randomUUID());

  const check = async (client: ClientBase): Promise<void> => {
    await requireDurablePrimary(client);
    await requireStore(client, schema, rows);
  };
  const connections = (max: number, isolation: string, more: Partial<Base> = {}): Connections =>
    new Connections(target, { ...base, ...more, max, isolation, check });
  const commits = connections(Math.ceil(pool / 2), ISOLATION[rows.mode]);
  const reads = connections(Math.floor(pool / 2), ISOLATION.locks);
  const forBlobs = connections(pool, ISOLATION.locks, inGrace(base, graceMs));
  const cursors = new CursorLimits(Math.floor(pool / 4), cursorMs, patienceMs);
  const sessions = new Sessions(commits, schema, resolveMs);
  const storeId = Buffer.from(rows.storeId.replaceAll('-', ''), 'hex');
  const meta = new PostgresMetaStore({ schema, mode: rows.mode, storeId, reads, commits, sessions, cursors });
  const blobs = new PostgresBlobStore(forBlobs, schema, graceMs);
  const close = async (): Promise<void> => void (await Promise.all([meta.close(), blobs.close()]));
  try {
    await sessions.forget();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    ...rows,
    meta,
    blobs,
    close,
    compactMeta: () => vacuum(target, base),
    async trouble() {
      try {
        await reads.query({ name: 'ping', text: 'SELECT 1' }, []);
        return undefined;
      } catch (error) {
        return (error as Error).message;
      }
    },
    readOnly: () => meta.full,
    keep: () => sessions.forget(),
    counts() {
      const pools = { reads: reads.counts, commits: commits.counts, blobs: forBlobs.counts };
      const sum = (name: 'open' | 'idle' | 'waiting' | 'max'): number =>
        Object.values(pools).reduce((total, one) => total + one[name], 0);
      return {
        connections: { open: sum('open'), idle: sum('idle'), waiting: sum('waiting'), max: sum('max') },
        retries: reads.repetitions + commits.repetitions + forBlobs.repetitions,
        pools,
        cursors: cursors.open,
        commits: { ...meta.counts },
        resolved: { ...sessions.counts },
      };
    },
  };
}

/** A put has ended or failed in half of the time after which what it left is looked for. */
function inGrace({ timeoutMs, patienceMs }: Base, graceMs: number): Partial<Base> {
  const quarter = Math.max(1000, graceMs / 4);
  return { timeoutMs: Math.min(timeoutMs, quarter), patienceMs: Math.min(patienceMs, quarter) };
}

type Base = Omit<ConnectionsOptions, 'max' | 'isolation' | 'check'> & {
  /** How long this side waits for each answer. Undefined: for ever. */
  answerMs?: number;
};

/** Reads what the store says about itself, and makes it where there is none. */
async function firstLook(target: PostgresTarget, base: Base, newId: string): Promise<StoreRows> {
  const untilMs = performance.now() + base.patienceMs;
  for (;;) {
    try {
      return await withClient(target, { ...base, answerMs: base.timeoutMs }, async (client) => {
        await requireDurablePrimary(client);
        const { schema, tuning } = target;
        if (!(await hasStore(client, schema))) await create(client, schema, tuning.mode ?? 'locks', newId);
        const rows = await readStoreRows(client, schema);
        requireMode(rows.mode, tuning.mode);
        return rows;
      });
    } catch (error) {
      if (isRefusal(error)) throw new ConfigError(failure(error, target.shown).message);
      const cause = failure(error, target.shown);
      if (!(cause instanceof StoreUnavailable) || performance.now() >= untilMs) throw cause;
      await delay(OPEN_RETRY_MS);
    }
  }
}

/** `unique_violation`, and schemas, tables and functions that are there already: another gateway was faster. */
const MADE_BY_ANOTHER = /^(23505|42P0[67]|42723|40001)$/;

/** All or nothing: the schema is made in one transaction. */
async function create(client: Client, schema: string, mode: CommitMode, storeId: string): Promise<void> {
  const rows = { format: POSTGRES_FORMAT, version: String(POSTGRES_VERSION), mode, 'store-id': storeId };
  const inserts = Object.entries(rows).map(
    ([name, value]) => `INSERT INTO ${schema}.store VALUES ('${name}', ${client.escapeLiteral(value)});`,
  );
  try {
    await client.query(`BEGIN; ${creation(schema, mode)} ${inserts.join('\n')} COMMIT;`);
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    if (!MADE_BY_ANOTHER.test(sqlState(error) ?? '')) throw error;
  }
}

async function vacuum(target: PostgresTarget, base: Base): Promise<void> {
  try {
    await withClient(target, base, async (client) => {
      await client.query('SET statement_timeout = 0');
      await client.query(`VACUUM (INDEX_CLEANUP ON) ${target.schema}.meta`);
    });
  } catch (error) {
    throw failure(error, target.shown);
  }
}

async function withClient<T>(target: PostgresTarget, base: Base, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({
    ...clientConfig(target, { ...base, isolation: ISOLATION.locks }),
    connectionTimeoutMillis: base.patienceMs,
    ...(base.answerMs !== undefined && { query_timeout: base.answerMs }),
  });
  // Whoever waits for an answer hears of it.
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}
