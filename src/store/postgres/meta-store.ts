import { EMPTY } from '../../base/bytes.js';
import { randomId } from '../../base/ids.js';
import { checkCommit } from '../commit-limits.js';
import type { Commit, Cursor, MetaStore, Range, RangeQuery, Row } from '../ports.js';
import { byteaArray } from './arrays.js';
import type { Connections, Statement } from './connections.js';
import { PostgresCursor } from './cursor.js';
import type { CursorLimits } from './cursor-limits.js';
import { DISK_FULL, failure, fateOf, sqlState } from './failures.js';
import { type PreparedCommit, prepare } from './prepared.js';
import type { CommitMode } from './schema.js';
import type { Sessions } from './sessions.js';
import { KeyTurns } from './turns.js';

export interface MetaStoreParts {
  schema: string;
  mode: CommitMode;
  /** 16 bytes. */
  storeId: Buffer;
  reads: Connections;
  commits: Connections;
  sessions: Sessions;
  cursors: CursorLimits;
}

/** `MetaStore` on the PostgreSQL wire: one function call a commit, which is one transaction and one round trip. */
export class PostgresMetaStore implements MetaStore {
  /** Others write, too. */
  readonly shared = true;
  readonly counts = { commits: 0, refused: 0, conflicts: 0, seconds: 0 };
  /** Why the last write that took room was refused; undefined: it wasn't. */
  full: string | undefined;
  readonly #turns = new KeyTurns();
  readonly #get: Statement;
  readonly #getMany: Statement;
  readonly #commit: Statement;

  constructor(private readonly parts: MetaStoreParts) {
    const { schema } = parts;
    this.#get = { name: 'get', text: `SELECT revision, value FROM ${schema}.meta WHERE key = $1` };
    this.#getMany = {
      name: 'get-many',
      text:
        `SELECT k.n, m.revision, m.value FROM unnest($1::bytea[]) WITH ORDINALITY AS k (key, n) ` +
        `JOIN ${schema}.meta m ON m.key = k.key`,
    };
    this.#commit = {
      name: 'commit',
      text: `SELECT ${schema}.commit_v1('${parts.mode}', $1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    };
  }

  async get(key: Uint8Array): Promise<Row | undefined> {
    const [row] = await this.parts.reads.query(this.#get, [key]);
    return row && { key: Buffer.from(key), revision: row[0] as Buffer, value: row[1] as Buffer };
  }

  async getMany(keys: Uint8Array[]): Promise<(Row | undefined)[]> {
    if (keys.length === 0) {
      this.parts.reads.requireOpen();
      return [];
    }
    const found: (Row | undefined)[] = new Array(keys.length).fill(undefined);
    for (const [n, revision, value] of await this.parts.reads.query(this.#getMany, [byteaArray(keys)])) {
      const at = Number(n) - 1;
      found[at] = { key: Buffer.from(keys[at]!), revision: revision as Buffer, value: value as Buffer };
    }
    return found;
  }

  async range({ gte, lt, limit, reverse = false, keysOnly = false }: RangeQuery): Promise<Row[]> {
    const statement = pageStatement(this.parts.schema, { reverse, keysOnly });
    return rowsOf(await this.parts.reads.query(statement, [gte, lt, limit]));
  }

  cursor(range: Range & { keysOnly?: boolean }): Cursor {
    const { reads, cursors, schema } = this.parts;
    reads.requireOpen();
    return new PostgresCursor(reads, cursors, range, pageStatement(schema, { keysOnly: range.keysOnly === true }));
  }

  async commit(commit: Commit): Promise<boolean> {
    checkCommit(commit);
    this.parts.commits.requireOpen();
    const prepared = prepare(commit, this.parts.mode === 'locks' ? this.parts.storeId : undefined);
    const begunMs = performance.now();
    const done = await this.#turns.take(prepared.keys, () => this.#apply(prepared));
    this.counts.seconds += (performance.now() - begunMs) / 1000;
    if (done) this.counts.commits++;
    else this.counts.refused++;
    return done;
  }

  async close(): Promise<void> {
    await Promise.all([this.parts.commits.close(), this.parts.reads.close()]);
  }

  async #apply(prepared: PreparedCommit): Promise<boolean> {
    const { commits, sessions } = this.parts;
    const untilMs = commits.patience();
    for (let attempt = 0; ; attempt++) {
      const client = await commits.take(untilMs);
      const session = prepared.writes ? sessions.of(client) : undefined;
      let trouble: unknown;
      try {
        const values = [session?.id ?? null, session?.retired ?? null, prepared.token, ...prepared.values];
        const [row] = await commits.ask(client, this.#commit, values);
        commits.give(client, false);
        if (session && row![0] === true) {
          session.retired = null;
          this.full = undefined;
        }
        return row![0] === true;
      } catch (error) {
        trouble = error;
      }
      const fate = fateOf(trouble);
      commits.give(client, fate === 'lost' || fate === 'elsewhere');
      if (fate === 'lost' && session && (await sessions.wasApplied(session, prepared.token, trouble))) return true;
      // From here on it is known not to have been applied.
      if (sqlState(trouble) === DISK_FULL) this.full = 'the disk of the database is full';
      if (fate === 'refused') throw failure(trouble, commits.shown);
      if (fate === 'again') this.counts.conflicts++;
      commits.requireOpen();
      if (performance.now() >= untilMs) throw failure(trouble, commits.shown);
      await commits.pause(attempt);
      prepared.token = randomId();
    }
  }
}

export function pageStatement(
  schema: string,
  { reverse = false, keysOnly = false }: { reverse?: boolean; keysOnly?: boolean },
): Statement {
  return {
    name: `page${reverse ? '-reverse' : ''}${keysOnly ? '-keys' : ''}`,
    text:
      `SELECT key${keysOnly ? '' : ', revision, value'} FROM ${schema}.meta WHERE key >= $1 AND key < $2 ` +
      `ORDER BY key ${reverse ? 'DESC' : 'ASC'} LIMIT $3`,
  };
}

export const rowsOf = (rows: unknown[][]): Row[] =>
  rows.map(([key, revision, value]) => ({
    key: key as Buffer,
    revision: (revision as Buffer | undefined) ?? EMPTY,
    value: (value as Buffer | undefined) ?? EMPTY,
  }));
