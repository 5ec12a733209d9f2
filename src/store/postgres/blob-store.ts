import { checkBlobPut, checkOwner } from '../commit-limits.js';
import { BlobMissing, OutcomeUnknown, OwnerMismatch, StoreDamaged, StoreUnavailable } from '../errors.js';
import type { BlobSnapshot, BlobStore, Run } from '../ports.js';
import { byteaArray, int8Array } from './arrays.js';
import { BlobNumbers } from './blob-numbers.js';
import type { Connections, Statement } from './connections.js';
import { failure, fateOf } from './failures.js';

const LIST_PAGE = 1000;
/** What one statement brings: its text is twice as long. */
const READ_VALUES = 16;

/**
 * `BlobStore` in the database of the rows, for small clusters: values are rows of up to 1 MiB. A snapshot holds no view, since a
 * transaction for as long as a client reads would take a connection each: numbers are never used twice, so a reader whose blobs
 * are deleted meanwhile meets BlobMissing, never another's bytes. The sweeper leaves readers their time.
 */
export class PostgresBlobStore implements BlobStore {
  readonly #numbers: BlobNumbers;
  readonly #put: Statement;
  readonly #read: Statement;
  readonly #delete: Statement;
  readonly #list: Statement;

  constructor(
    private readonly connections: Connections,
    schema: string,
  ) {
    this.#numbers = new BlobNumbers(connections, schema);
    this.#put = { name: 'put', text: `SELECT ${schema}.put_v1($1, $2, $3)` };
    this.#read = {
      name: 'read',
      text: `SELECT number, value FROM ${schema}.blob_value WHERE number >= $1 AND number < $2 ORDER BY number`,
    };
    this.#delete = { name: 'delete', text: `SELECT ${schema}.delete_v1($1, $2, $3)` };
    this.#list = {
      name: 'list',
      text: `SELECT first, owner, count FROM ${schema}.blob_run WHERE first >= $1 ORDER BY first LIMIT ${LIST_PAGE}`,
    };
  }

  async open(): Promise<this> {
    await this.#numbers.open();
    return this;
  }

  /**
   * A put whose answer was lost is repeated under the same numbers: it finds its own run there, waits for one still being
   * written, or writes it. @throws StoreUnavailable, OutcomeUnknown
   */
  async put(owner: Uint8Array, values: Buffer[]): Promise<Run> {
    checkBlobPut(
      owner,
      values.map(({ length }) => length),
    );
    this.connections.requireOpen();
    const parameters = [Buffer.from(owner), byteaArray(values)];
    const first = await this.#numbers.take(values.length);
    const untilMs = this.connections.patience();
    let inDoubt = false;
    for (let attempt = 0; ; attempt++) {
      try {
        const [row] = await this.#once([first, ...parameters], untilMs);
        if (row![0] !== true) throw new StoreDamaged(`blob number ${first} was given twice`);
        return { first, count: values.length };
      } catch (error) {
        if (error instanceof StoreDamaged) throw error;
        const fate = error instanceof StoreUnavailable ? 'refused' : fateOf(error);
        inDoubt ||= fate === 'lost';
        if (fate === 'refused' || performance.now() >= untilMs) {
          const cause = failure(error, this.connections.shown);
          throw inDoubt ? new OutcomeUnknown(cause.message, { cause }) : cause;
        }
        await this.connections.pause(attempt);
      }
    }
  }

  snapshot(): BlobSnapshot {
    this.connections.requireOpen();
    let closed = false;
    return {
      read: async (first, count) => {
        if (closed) throw new StoreUnavailable('the snapshot is closed');
        const values: Buffer[] = [];
        for (let at = first; at < first + count; at += READ_VALUES) {
          values.push(...(await this.#values(at, Math.min(READ_VALUES, first + count - at))));
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
    if (row![0] !== null) throw new OwnerMismatch(`run ${row![0]} is another owner's, or of another length`);
  }

  mark(): number {
    return this.#numbers.next;
  }

  async *list(from = 0): AsyncGenerator<{ owner: Buffer; run: Run }> {
    for (let at = from; ; ) {
      const rows = await this.connections.query(this.#list, [at]);
      for (const [first, owner, count] of rows) {
        yield { owner: owner as Buffer, run: { first: Number(first), count: count as number } };
        at = Number(first) + 1;
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

  async #values(first: number, count: number): Promise<Buffer[]> {
    const rows = await this.connections.query(this.#read, [first, first + count]);
    for (let i = 0; i < count; i++) {
      if (Number(rows[i]?.[0]) !== first + i) throw new BlobMissing(`blob ${first + i} is missing`);
    }
    return rows.map(([, value]) => value as Buffer);
  }
}
