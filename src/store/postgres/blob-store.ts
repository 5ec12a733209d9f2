import { EMPTY } from '../../base/bytes.js';
import { checkBlobPut, checkOwner } from '../commit-limits.js';
import { BlobMissing, OutcomeUnknown, OwnerMismatch, StoreDamaged, StoreUnavailable } from '../errors.js';
import type { BlobSnapshot, BlobStore, OwnedRun, Run } from '../ports.js';
import { byteaArray, int8Array } from './arrays.js';
import type { Connections, Statement } from './connections.js';
import { failure, fateOf } from './failures.js';

const LIST_PAGE = 1000;
/** Of owners that are looked for at once. An owner has hundreds of runs where its part is large. */
const LEFT_OWNERS = 50;
/** What one statement brings: its text is twice as long. */
const READ_VALUES = 16;

/**
 * `BlobStore` in the database of the rows, for small clusters: values are rows of up to 1 MiB, named by their owner and their
 * place in it. A snapshot holds no view, since a transaction for as long as a client reads would take a connection each; the
 * sweeper leaves readers their time.
 */
export class PostgresBlobStore implements BlobStore {
  readonly #put: Statement;
  readonly #read: Statement;
  readonly #delete: Statement;
  readonly #left: Statement;
  readonly #list: Statement;

  constructor(
    private readonly connections: Connections,
    schema: string,
    readonly graceMs: number,
  ) {
    this.#put = { name: 'put', text: `SELECT ${schema}.put_v1($1, $2, $3)` };
    this.#read = {
      name: 'read',
      text:
        `SELECT number, value FROM ${schema}.blob_value ` +
        'WHERE owner = $1 AND number >= $2 AND number < $3 ORDER BY number',
    };
    this.#delete = { name: 'delete', text: `SELECT ${schema}.delete_v1($1, $2, $3)` };
    const columns = 'r.owner, r.first, r.count';
    this.#left = {
      name: 'left',
      text: `SELECT ${columns} FROM unnest($1::bytea[]) AS o (owner) JOIN ${schema}.blob_run r ON r.owner = o.owner`,
    };
    this.#list = {
      name: 'list',
      text:
        `SELECT ${columns} FROM ${schema}.blob_run r WHERE (r.owner, r.first) > ($1, $2) ` +
        `ORDER BY r.owner, r.first LIMIT ${LIST_PAGE}`,
    };
  }

  /**
   * A put whose answer was lost is repeated under the same name: it finds its own run there, waits for one still being written, or
   * writes it. @throws StoreUnavailable, OutcomeUnknown
   */
  async put(owner: Uint8Array, values: Buffer[], at: number): Promise<Run> {
    checkBlobPut(
      owner,
      values.map(({ length }) => length),
    );
    this.connections.requireOpen();
    const run = { first: at, count: values.length };
    const parameters = [Buffer.from(owner), at, byteaArray(values)];
    const untilMs = this.connections.patience();
    let inDoubt = false;
    for (let attempt = 0; ; attempt++) {
      try {
        const [row] = await this.#once(parameters, untilMs);
        if (row![0] === true) return run;
      } catch (error) {
        const fate = error instanceof StoreUnavailable ? 'refused' : fateOf(error);
        inDoubt ||= fate === 'lost';
        if (fate === 'refused' || performance.now() >= untilMs) {
          const cause = failure(error, this.connections.shown);
          throw inDoubt ? new OutcomeUnknown(cause.message, { cause }) : cause;
        }
        await this.connections.pause(attempt);
        continue;
      }
      throw new StoreDamaged(`run ${at} was put twice, in different lengths`);
    }
  }

  snapshot(): BlobSnapshot {
    this.connections.requireOpen();
    let closed = false;
    return {
      read: async (owner, { first, count }, from, wanted) => {
        if (closed) throw new StoreUnavailable('the snapshot is closed');
        if (from + wanted > count) throw new BlobMissing(`run ${first} has ${count} blobs`);
        const values: Buffer[] = [];
        while (values.length < wanted) {
          const at = first + from + values.length;
          values.push(...(await this.#values(owner, at, Math.min(READ_VALUES, wanted - values.length))));
        }
        return values;
      },
      close: async () => {
        closed = true;
      },
    };
  }

  async delete(owner: Uint8Array, runs: Run[]): Promise<void> {
    checkOwner(owner);
    this.connections.requireOpen();
    if (runs.length === 0) return;
    const firsts = int8Array(runs.map(({ first }) => first));
    const counts = int8Array(runs.map(({ count }) => count));
    const [row] = await this.connections.query(this.#delete, [owner, firsts, counts]);
    if (row![0] !== null) throw new OwnerMismatch(`run ${row![0]} has another length`);
  }

  /** Runs are found by their owner. */
  mark(): number {
    return 0;
  }

  async *left(owners: readonly Uint8Array[]): AsyncGenerator<OwnedRun> {
    for (let i = 0; i < owners.length; i += LEFT_OWNERS) {
      const some = byteaArray(owners.slice(i, i + LEFT_OWNERS));
      for (const row of await this.connections.query(this.#left, [some])) yield ownedRun(row);
    }
  }

  async *list(): AsyncGenerator<OwnedRun> {
    for (let last: OwnedRun = { owner: EMPTY, run: { first: -1, count: 0 } }; ; ) {
      const rows = await this.connections.query(this.#list, [last.owner, last.run.first]);
      for (const row of rows) {
        last = ownedRun(row);
        yield last;
      }
      if (rows.length < LIST_PAGE) return;
    }
  }

  async close(): Promise<void> {
    await this.connections.close();
  }

  async #once(parameters: unknown[], untilMs: number): Promise<unknown[][]> {
    const client = await this.connections.take(untilMs);
    try {
      const rows = await this.connections.ask(client, this.#put, parameters);
      this.connections.give(client, false);
      return rows;
    } catch (error) {
      const fate = fateOf(error);
      this.connections.give(client, fate === 'lost' || fate === 'elsewhere');
      throw error;
    }
  }

  async #values(owner: Uint8Array, first: number, count: number): Promise<Buffer[]> {
    const rows = await this.connections.query(this.#read, [owner, first, first + count]);
    for (let i = 0; i < count; i++) {
      if (Number(rows[i]?.[0]) !== first + i) throw new BlobMissing(`blob ${first + i} of its part is missing`);
    }
    return rows.map(([, value]) => value as Buffer);
  }
}

const ownedRun = ([owner, first, count]: unknown[]): OwnedRun => ({
  owner: owner as Buffer,
  run: { first: Number(first), count: count as number },
});
