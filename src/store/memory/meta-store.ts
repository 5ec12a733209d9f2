import { EMPTY, u64 } from '../../base/bytes.js';
import { checkCommit } from '../commit-limits.js';
import { StoreUnavailable } from '../errors.js';
import type { Check, Commit, Cursor, MetaStore, Range, RangeQuery, Row } from '../ports.js';

/** The reference: what every MetaStore must do, in the plainest way. Durable for as long as the process lives. */
export class MemoryMetaStore implements MetaStore {
  /** Ascending and never changed in place: a page or cursor that holds it holds a snapshot. */
  #rows: readonly Row[] = [];
  #revision = 0;
  #closed = false;

  /** `shared`: as several processes have it that put their rows in one place. */
  constructor(readonly shared = false) {}

  async get(key: Uint8Array): Promise<Row | undefined> {
    this.#requireOpen();
    return this.#find(key);
  }

  async getMany(keys: Uint8Array[]): Promise<(Row | undefined)[]> {
    this.#requireOpen();
    return keys.map((key) => this.#find(key));
  }

  async range({ gte, lt, limit, reverse = false, keysOnly = false }: RangeQuery): Promise<Row[]> {
    this.#requireOpen();
    const from = position(this.#rows, gte);
    const to = Math.max(from, position(this.#rows, lt));
    const page = reverse
      ? this.#rows.slice(Math.max(from, to - limit), to).reverse()
      : this.#rows.slice(from, Math.min(to, from + limit));
    return keysOnly ? page.map(keyOnly) : page;
  }

  cursor(range: Range & { keysOnly?: boolean }): Cursor {
    this.#requireOpen();
    return new MemoryCursor(this.#rows, range);
  }

  async commit(commit: Commit): Promise<boolean> {
    checkCommit(commit);
    this.#requireOpen();
    if (!(commit.checks ?? []).every((check) => this.#holds(check))) return false;
    const rows = [...this.#rows];
    for (const { key, value } of commit.puts ?? []) {
      const at = position(rows, key);
      const revision = Buffer.concat([Buffer.alloc(8), u64(++this.#revision)]);
      const row = { key: Buffer.from(key), value: Buffer.from(value), revision };
      rows.splice(at, rows[at]?.key.equals(key) ? 1 : 0, row);
    }
    for (const key of commit.dels ?? []) {
      const at = position(rows, key);
      if (rows[at]?.key.equals(key)) rows.splice(at, 1);
    }
    this.#rows = rows;
    return true;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #find(key: Uint8Array): Row | undefined {
    const row = this.#rows[position(this.#rows, key)];
    return row?.key.equals(key) ? row : undefined;
  }

  #holds({ key, revision }: Check): boolean {
    const row = this.#find(key);
    return revision === 'absent' ? row === undefined : row?.revision.equals(revision) === true;
  }

  #requireOpen(): void {
    if (this.#closed) throw new StoreUnavailable('the store is closed');
  }
}

class MemoryCursor implements Cursor {
  #at: number;
  readonly #from: number;
  readonly #to: number;
  #closed = false;

  constructor(
    private readonly rows: readonly Row[],
    private readonly range: Range & { keysOnly?: boolean },
  ) {
    this.#from = position(rows, range.gte);
    this.#to = Math.max(this.#from, position(rows, range.lt));
    this.#at = this.#from;
  }

  async next(limit: number): Promise<Row[]> {
    if (this.#closed) throw new StoreUnavailable('the cursor is closed');
    const page = this.rows.slice(this.#at, Math.min(this.#to, this.#at + limit));
    this.#at += page.length;
    return this.range.keysOnly ? page.map(keyOnly) : page;
  }

  seek(key: Uint8Array): void {
    if (this.#closed) throw new StoreUnavailable('the cursor is closed');
    this.#at = Math.max(this.#from, position(this.rows, key));
  }

  async close(): Promise<void> {
    this.#closed = true;
  }
}

const keyOnly = ({ key }: Row): Row => ({ key, value: EMPTY, revision: EMPTY });

/** Index of the first row at or after `key`. */
function position(rows: readonly Row[], key: Uint8Array): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (Buffer.compare(rows[middle]!.key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
