import type { PoolClient } from 'pg';
import { SnapshotExpired, StoreUnavailable } from '../errors.js';
import type { Cursor, Range, Row } from '../ports.js';
import type { Connections, Statement } from './connections.js';
import type { CursorLimits } from './cursor-limits.js';
import { failure, fateOf } from './failures.js';
import { rowsOf } from './meta-store.js';

const BEGIN: Statement = { name: 'begin', text: 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY' };
const COMMIT: Statement = { name: 'end', text: 'COMMIT' };

/**
 * A walk over the snapshot of one repeatable-read transaction, which begins with the first page. A snapshot that another
 * connection imports lives no longer than the transaction that exported it, so passing it on would save nothing.
 */
export class PostgresCursor implements Cursor {
  #at: Uint8Array;
  #client: PoolClient | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ended: Error | undefined;
  /** Pages take turns, and the end comes after the page under way. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly connections: Connections,
    private readonly limits: CursorLimits,
    private readonly bounds: Range,
    private readonly page: Statement,
  ) {
    this.#at = bounds.gte;
  }

  next(limit: number): Promise<Row[]> {
    const rows = this.#last.then(() => this.#next(limit));
    this.#last = rows.catch(() => {});
    return rows;
  }

  seek(key: Uint8Array): void {
    if (this.#ended) throw this.#ended;
    this.#at = Buffer.compare(key, this.bounds.gte) < 0 ? this.bounds.gte : Buffer.from(key);
  }

  async close(): Promise<void> {
    const ending = this.#last.then(() => this.#end(new StoreUnavailable('the cursor is closed'), false));
    this.#last = ending;
    await ending;
  }

  async #next(limit: number): Promise<Row[]> {
    if (this.#ended) throw this.#ended;
    this.connections.requireOpen();
    if (limit <= 0) return [];
    const rows = rowsOf(this.#client ? await this.#ask(this.#client, limit) : await this.#first(limit));
    const last = rows.at(-1);
    if (last) this.#at = Buffer.concat([last.key, Buffer.of(0)]);
    return rows;
  }

  async #ask(client: PoolClient, limit: number): Promise<unknown[][]> {
    try {
      return await this.connections.ask(client, this.page, [this.#at, this.bounds.lt, limit]);
    } catch (error) {
      this.#end(failure(error, this.connections.shown), true);
      throw this.#ended!;
    }
  }

  /** Nothing of the snapshot has been seen yet: what fails here may be tried again, with another. */
  async #first(limit: number): Promise<unknown[][]> {
    await this.limits.enter();
    const untilMs = this.connections.patience();
    for (let attempt = 0; ; attempt++) {
      let client: PoolClient | undefined;
      try {
        client = await this.connections.take(untilMs);
        await this.connections.ask(client, BEGIN, []);
        const rows = await this.connections.ask(client, this.page, [this.#at, this.bounds.lt, limit]);
        this.#client = client;
        const late = () => this.#end(new SnapshotExpired('a listing took longer than its snapshot may last'), true);
        this.#timer = setTimeout(late, this.limits.maxMs).unref();
        return rows;
      } catch (error) {
        if (client) this.connections.give(client, true);
        if (!client || fateOf(error) === 'refused' || performance.now() >= untilMs) {
          this.limits.leave();
          throw failure(error, this.connections.shown);
        }
        await this.connections.pause(attempt);
      }
    }
  }

  /** `gone`: the connection with it, which ends the snapshot at the server at once. */
  #end(cause: Error, gone: boolean): void {
    this.#ended ??= cause;
    clearTimeout(this.#timer);
    const client = this.#client;
    if (!client) return;
    this.#client = undefined;
    this.limits.leave();
    if (gone) this.connections.give(client, true);
    // Nobody waits for it: the connection is given back when the server has answered.
    else
      this.connections.ask(client, COMMIT, []).then(
        () => this.connections.give(client, false),
        () => this.connections.give(client, true),
      );
  }
}
