import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, type ClientBase } from 'pg';
import { ConfigError } from '../../base/config-error.js';
import { StoreUnavailable } from '../errors.js';
import type { BlobStore, MetaStore, Range } from '../ports.js';
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

export interface PostgresOptions {
  /** Instead of the URL's; asked for at every connection. */
  password?: (() => string | undefined | Promise<string | undefined>) | undefined;
  /** Of a new store. Undefined: what the store says, `locks` where it is made now. */
  mode?: CommitMode | undefined;
  /** Whether a store is made where there is none. Default true. */
  create?: boolean | undefined;
  /** Connections at most: a half for commits, the rest for reads, and as many again for blobs where they lie here. Default 16. */
  pool?: number | undefined;
  /** What one statement may take. Default 10,000. */
  timeoutMs?: number | undefined;
  /** How long an operation waits for a connection and tries again what surely was not applied. Default 5,000. */
  patienceMs?: number | undefined;
  /** How long a commit whose answer was lost is looked for before its outcome is unknown. Default 45,000: longer than a failover. */
  resolveMs?: number | undefined;
  /** How long the snapshot of a cursor may last. Default 600,000. */
  cursorMs?: number | undefined;
  /** One line for the log: a lost connection, and that it is there again. */
  onTrouble?: ((message: string) => void) | undefined;
}

/** Numbers since the start, for metrics. */
export interface PostgresCounts {
  connections: Record<'reads' | 'commits' | 'blobs', { open: number; idle: number; waiting: number }>;
  cursors: number;
  /** `refused`: a check failed. `conflicts`: another transaction was in the way, and it was tried again. `seconds`: of all together. */
  commits: { commits: number; refused: number; conflicts: number; seconds: number };
  repetitions: number;
  /** Commits whose answer was lost. */
  resolved: { applied: number; notApplied: number; unknown: number };
}

export interface PostgresStore {
  /** UUID of this store. */
  storeId: string;
  mode: CommitMode;
  meta: MetaStore;
  /** Opened when it is first asked for. */
  blobs(): Promise<BlobStore>;
  /** Takes what was overwritten or deleted out of the tables (VACUUM), as far as no snapshot sees it. The range is not looked at. */
  compactMeta(range?: Range): Promise<void>;
  /** Why writes that take room are refused; undefined: the last one wasn't. */
  readOnly(): string | undefined;
  /** A trip to the primary. @throws StoreUnavailable */
  ping(): Promise<void>;
  counts(): PostgresCounts;
  close(): Promise<void>;
}

const OPEN_RETRY_MS = 200;

/**
 * Opens the store that lies in a schema of this database, or makes it.
 *
 * @throws ConfigError for a URL, password, mode or durability that won't do, StoreTooNew, StoreDamaged, StoreUnavailable
 *
 * @example
 * const store = await openPostgres('postgres://coffer@db.example.com/coffer');
 * await store.meta.commit({ puts: [{ key: Buffer.from('a'), value: Buffer.from('1') }] });
 * await store.close();
 */
export async function openPostgres(url: string, options: PostgresOptions = {}): Promise<PostgresStore> {
  const target = parsePostgresUrl(url);
  const { schema } = target;
  const { pool = 16, timeoutMs = 10_000, patienceMs = 5000, resolveMs = 45_000, cursorMs = 600_000 } = options;
  const { onTrouble = () => {}, password = () => target.password } = options;
  const base = { timeoutMs, patienceMs, idleInTransactionMs: cursorMs, password, onTrouble };
  const rows = await firstLook(target, base, options);

  const commitConnections = Math.max(1, Math.ceil(pool / 2));
  const readConnections = Math.max(2, pool - commitConnections);
  const connections = (max: number, isolation: string): Connections => {
    const check = async (client: ClientBase): Promise<void> => {
      await requireDurablePrimary(client);
      await requireStore(client, schema, rows);
    };
    return new Connections(target, { ...base, max, isolation, check });
  };
  const reads = connections(readConnections, ISOLATION.locks);
  const commits = connections(commitConnections, ISOLATION[rows.mode]);
  const blobConnections = connections(pool, ISOLATION.locks);
  const cursors = new CursorLimits(Math.max(1, Math.floor(readConnections / 2)), cursorMs, patienceMs);
  const sessions = new Sessions(commits, schema, resolveMs);
  const storeId = Buffer.from(rows.storeId.replaceAll('-', ''), 'hex');
  const meta = new PostgresMetaStore({ schema, mode: rows.mode, storeId, reads, commits, sessions, cursors });
  let blobs: Promise<BlobStore> | undefined;
  try {
    await sessions.forget();
  } catch (error) {
    await meta.close();
    throw error;
  }
  return {
    ...rows,
    meta,
    blobs() {
      blobs ??= new PostgresBlobStore(blobConnections, schema).open();
      return blobs;
    },
    compactMeta: () => vacuum(target, base),
    readOnly: () => meta.full,
    ping: async () => void (await reads.query({ name: 'ping', text: 'SELECT 1' }, [])),
    counts: () => ({
      connections: { reads: reads.counts, commits: commits.counts, blobs: blobConnections.counts },
      cursors: cursors.open,
      commits: { ...meta.counts },
      repetitions: reads.repetitions + commits.repetitions + blobConnections.repetitions,
      resolved: { ...sessions.counts },
    }),
    async close() {
      await Promise.all([meta.close(), blobConnections.close()]);
    },
  };
}

type Base = Pick<ConnectionsOptions, 'timeoutMs' | 'patienceMs' | 'idleInTransactionMs' | 'password'> & {
  /** How long this side waits for each answer. Undefined: for ever. */
  answerMs?: number;
};

/** Reads what the store says about itself, and makes it where there is none. */
async function firstLook(target: PostgresTarget, base: Base, options: PostgresOptions): Promise<StoreRows> {
  const untilMs = performance.now() + base.patienceMs;
  for (;;) {
    try {
      return await withClient(target, { ...base, answerMs: base.timeoutMs }, async (client) => {
        await requireDurablePrimary(client);
        if (!(await hasStore(client, target.schema))) {
          if (options.create === false) {
            throw new ConfigError(`${target.shown} has no store in schema ${target.schema}`);
          }
          await create(client, target.schema, options.mode ?? 'locks');
        }
        const rows = await readStoreRows(client, target.schema);
        requireMode(rows.mode, options.mode);
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
async function create(client: Client, schema: string, mode: CommitMode): Promise<void> {
  const rows = { format: POSTGRES_FORMAT, version: String(POSTGRES_VERSION), mode, 'store-id': randomUUID() };
  const inserts = Object.entries(rows).map(
    ([name, value]) => `INSERT INTO ${schema}.store VALUES ('${name}', '${value}');`,
  );
  try {
    await client.query(`BEGIN; ${creation(schema, mode)} ${inserts.join('\n')} COMMIT;`);
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    if (!MADE_BY_ANOTHER.test(sqlState(error) ?? '')) throw error;
  }
}

async function vacuum(target: PostgresTarget, base: Base): Promise<void> {
  await withClient(target, base, async (client) => {
    await client.query('SET statement_timeout = 0');
    await client.query(`VACUUM (INDEX_CLEANUP ON) ${target.schema}.meta`);
  });
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
