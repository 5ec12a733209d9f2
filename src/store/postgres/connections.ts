import { setTimeout as delay } from 'node:timers/promises';
import { type ClientBase, Pool, type PoolClient, type PoolConfig } from 'pg';
import { ConfigError } from '../../base/config-error.js';
import { StoreDamaged, StoreTooNew, StoreUnavailable } from '../errors.js';
import { failure, fateOf, lineOf, sqlState } from './failures.js';
import type { PostgresTarget } from './url.js';

const BACKOFF_MIN_MS = 50;
const BACKOFF_MAX_MS = 2000;
/** After the server's own timeout: then it is the network, or a server that doesn't answer at all. */
const GRACE_MS = 1000;
const KEEP_ALIVE_AFTER_MS = 10_000;

/**
 * What no setting of the server, the database or the role may change. Sequential scans, hashes and merges are what a planner
 * with old statistics falls for; every statement here goes by the primary key.
 */
const SESSION = {
  search_path: 'pg_catalog',
  bytea_output: 'hex',
  jit: 'off',
  plan_cache_mode: 'force_generic_plan',
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  enable_bitmapscan: 'off',
  // A client that went away while its statement runs or waits for a lock is noticed.
  client_connection_check_interval: '10s',
};

export interface Statement {
  /** Prepared under this name once a connection. */
  name: string;
  text: string;
}

export interface ConnectionsOptions {
  /** At most so many. */
  max: number;
  isolation: string;
  /** What a statement may take, at the server; the client waits a second longer. */
  timeoutMs: number;
  /** How long an operation waits for a connection, and tries again what surely was not applied. */
  patienceMs: number;
  /** `idle_in_transaction_session_timeout`. */
  idleInTransactionMs: number;
  password: () => string | undefined | Promise<string | undefined>;
  /** Of every new connection, before it is used: is this the primary of the right store? Throws where not. */
  check(client: ClientBase): Promise<void>;
  onTrouble(message: string): void;
}

/** Connections to one database, made as they are needed: bounded, verified, and tried again with growing pauses. */
export class Connections {
  readonly #pool: Pool;
  #failures = 0;
  #notBeforeMs = 0;
  #closed = false;
  /** Statements that were tried again. */
  repetitions = 0;
  /** A warning came: a commit may have stopped waiting for its standby. */
  readonly #warned = new WeakSet<ClientBase>();

  constructor(
    private readonly target: PostgresTarget,
    private readonly options: ConnectionsOptions,
  ) {
    this.#pool = new Pool({
      ...clientConfig(target, options),
      max: options.max,
      connectionTimeoutMillis: options.patienceMs,
      idleTimeoutMillis: 0,
      // Typed as one that isn't waited for, which it is.
      onConnect: (async (client) => {
        // Without a listener the end of a connection ends the process. Whoever waits for an answer hears of it.
        client.on('error', () => {});
        client.on('notice', ({ code }) => {
          if (code?.startsWith('01')) this.#warned.add(client);
        });
        await this.#answer(options.check(client));
      }) satisfies (client: ClientBase) => Promise<void>,
    });
    this.#pool.on('error', () => {});
  }

  get shown(): string {
    return this.target.shown;
  }

  get counts(): { open: number; idle: number; waiting: number; max: number } {
    const { totalCount, idleCount, waitingCount } = this.#pool;
    return { open: totalCount, idle: idleCount, waiting: waitingCount, max: this.options.max };
  }

  /** When an operation that begins now gives up. */
  patience(): number {
    return performance.now() + this.options.patienceMs;
  }

  /** A connection to the primary. @throws StoreUnavailable, and what `check` throws */
  async take(untilMs: number): Promise<PoolClient> {
    for (;;) {
      this.requireOpen();
      const pauseMs = this.#notBeforeMs - performance.now();
      if (pauseMs > 0) await delay(Math.min(pauseMs, Math.max(0, untilMs - performance.now())));
      this.requireOpen();
      try {
        const client = await this.#pool.connect();
        if (this.#failures > 0) this.options.onTrouble(`${this.shown}: connected again`);
        this.#failures = 0;
        this.#warned.delete(client);
        return client;
      } catch (error) {
        this.requireOpen();
        if ((error as Error).message === 'timeout exceeded when trying to connect') {
          throw new StoreUnavailable(`${this.shown}: all connections are busy`);
        }
        // What `check` found: it won't be another store by waiting.
        if (error instanceof ConfigError || error instanceof StoreDamaged || error instanceof StoreTooNew) throw error;
        this.#failed(error);
        if (isRefusal(error) || performance.now() >= untilMs) throw failure(error, this.shown);
      }
    }
  }

  /** Back to the others, or gone for good. */
  give(client: PoolClient, gone: boolean): void {
    client.release(gone);
  }

  /** Sends one statement. @throws what `pg` throws, or that no answer came */
  async ask(client: PoolClient, statement: Statement, values: unknown[]): Promise<unknown[][]> {
    const { rows } = await this.#answer(client.query({ ...statement, rowMode: 'array', values }));
    if (this.#warned.has(client)) throw new Error('the server warned that the commit may not have reached its standby');
    return rows;
  }

  /** One statement that may be repeated. @throws StoreUnavailable */
  async query(statement: Statement, values: unknown[], untilMs = this.patience()): Promise<unknown[][]> {
    for (let attempt = 0; ; attempt++) {
      const client = await this.take(untilMs);
      try {
        const rows = await this.ask(client, statement, values);
        this.give(client, false);
        return rows;
      } catch (error) {
        const fate = fateOf(error);
        this.give(client, fate === 'lost' || fate === 'elsewhere');
        this.requireOpen();
        if (fate === 'refused' || performance.now() >= untilMs) throw failure(error, this.shown);
        await this.pause(attempt);
      }
    }
  }

  /** Before a statement is tried again; longer with every attempt, and of no fixed length. */
  async pause(attempt: number): Promise<void> {
    this.repetitions++;
    await delay(Math.random() * Math.min(2 ** attempt * 2, 200));
  }

  requireOpen(): void {
    if (this.#closed) throw new StoreUnavailable('the store is closed');
  }

  /** Waits for statements under way. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const ended = this.#pool.end();
    await Promise.race([ended, delay(this.options.timeoutMs + GRACE_MS, undefined, { ref: false })]);
  }

  async #answer<T>(answer: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const ms = this.options.timeoutMs + GRACE_MS;
      timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
      // Rejects once the connection is given up; nobody listens any more.
      answer.catch(() => {});
    }
  }

  #failed(error: unknown): void {
    const pauseMs = Math.min(BACKOFF_MIN_MS * 2 ** Math.min(this.#failures, 10), BACKOFF_MAX_MS);
    if (this.#failures === 0) this.options.onTrouble(`${this.shown}: no connection: ${lineOf(error)}`);
    // Many fail together; that is one failure.
    if (performance.now() < this.#notBeforeMs) return;
    this.#failures++;
    this.#notBeforeMs = performance.now() + pauseMs * (0.5 + Math.random() / 2);
  }
}

/** How every connection is made, those of the pools and the first one. */
export function clientConfig(
  target: PostgresTarget,
  options: Pick<ConnectionsOptions, 'isolation' | 'timeoutMs' | 'idleInTransactionMs' | 'password'>,
): PoolConfig {
  const { host, port, user, database, ssl } = target;
  const settings: Record<string, string> = {
    ...SESSION,
    default_transaction_isolation: options.isolation,
    statement_timeout: String(options.timeoutMs),
    idle_in_transaction_session_timeout: String(options.idleInTransactionMs),
  };
  return {
    host,
    port,
    user,
    database,
    ssl,
    // A function, so that it lies in no object that might be printed. The empty string: `pg` would ask ~/.pgpass otherwise.
    password: async () => (await options.password()) ?? '',
    enableChannelBinding: ssl !== false,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    application_name: 'coffer',
    options: Object.entries(settings)
      .map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`)
      .join(' '),
  };
}

/** Wrong password, no such database or role, no right to connect: waiting changes nothing. */
export const isRefusal = (error: unknown): boolean => /^(28|3D|3F|42)/.test(sqlState(error) ?? '');
