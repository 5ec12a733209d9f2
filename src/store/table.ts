import { EMPTY } from '../base/bytes.js';
import type { RecordSealer } from '../seal/ports.js';
import { StoreDamaged } from './errors.js';
import { OpenedRecords } from './opened-records.js';
import type { Check, Commit, MetaStore, Range, RangeQuery, Row } from './ports.js';

/**
 * What a kind of record is called and which version of its shape is written. A record is stored as
 * u8 version ‖ UTF-8 JSON, sealed under its type and row key.
 */
export interface Shape<T> {
  type: string;
  version: number;
  /** Turns the JSON of an older version into today's; needed from version 2 on. */
  migrate?(json: unknown, version: number): T;
}

export interface Stored<T> {
  key: Buffer;
  record: T;
  revision: Buffer;
}

/** Typed, sealed access to the rows of one kind. What it may remember is never out of date: any number may exist for one kind. */
export class Table<T> {
  readonly #opened: OpenedRecords<T> | undefined;

  /** `remembered`: of how many rows `get` keeps what they hold, deciphered; for kinds that requests read again and again. */
  constructor(
    private readonly meta: MetaStore,
    private readonly sealer: RecordSealer,
    private readonly shape: Shape<T>,
    remembered = 0,
  ) {
    if (remembered > 0) this.#opened = new OpenedRecords(remembered);
  }

  async get(key: Uint8Array): Promise<Stored<T> | undefined> {
    const row = await this.meta.get(key);
    if (!row || !this.#opened) return row && this.open(row);
    const name = row.key.toString('latin1');
    const known = this.#opened.get(name, row.value);
    if (known) return { key: row.key, record: known, revision: row.revision };
    const stored = this.open(row);
    this.#opened.set(name, row.value, stored.record);
    return stored;
  }

  async getMany(keys: Uint8Array[]): Promise<(Stored<T> | undefined)[]> {
    const rows = await this.meta.getMany(keys);
    return rows.map((row) => row && this.open(row));
  }

  async range(query: Omit<RangeQuery, 'keysOnly'>): Promise<Stored<T>[]> {
    const rows = await this.meta.range(query);
    return this.openMany(rows);
  }

  /** All rows of a range, page by page; each page is one snapshot, the whole is not. */
  async *scan(range: Range, pageRows = 500): AsyncGenerator<Stored<T>> {
    let gte = range.gte;
    for (;;) {
      const rows = await this.meta.range({ gte, lt: range.lt, limit: pageRows });
      for (const row of rows) yield this.open(row);
      const last = rows.at(-1);
      if (rows.length < pageRows || !last) return;
      gte = Buffer.concat([last.key, Buffer.of(0)]);
    }
  }

  /** The write of one record, to be put into a commit. */
  put(key: Uint8Array, record: T): { key: Uint8Array; value: Buffer } {
    const json = JSON.stringify(record);
    const plaintext = Buffer.allocUnsafe(1 + Buffer.byteLength(json));
    plaintext[0] = this.shape.version;
    plaintext.write(json, 1);
    return { key, value: this.sealer.seal(this.shape.type, key, plaintext) };
  }

  open(row: Row): Stored<T> {
    return {
      key: row.key,
      record: this.#parse(this.sealer.open(this.shape.type, row.key, row.value)),
      revision: row.revision,
    };
  }

  openMany(rows: readonly Row[]): Stored<T>[] {
    const plaintexts = this.sealer.openMany(this.shape.type, rows);
    return rows.map(({ key, revision }, i) => ({ key, record: this.#parse(plaintexts[i]!), revision }));
  }

  #parse(plaintext: Buffer): T {
    const version = plaintext[0];
    if (version === this.shape.version) return JSON.parse(plaintext.toString('utf8', 1)) as T;
    if (version !== undefined && version < this.shape.version && this.shape.migrate) {
      return this.shape.migrate(JSON.parse(plaintext.toString('utf8', 1)), version);
    }
    throw new StoreDamaged(
      `record of type ${this.shape.type} has version ${version}, this Coffer writes ${this.shape.version}`,
    );
  }
}

/** Collects a commit: checks, puts and dels are added where the code decides on them. */
export class CommitBuilder {
  readonly checks: Check[] = [];
  readonly puts: { key: Uint8Array; value: Uint8Array }[] = [];
  readonly dels: Uint8Array[] = [];

  /** The row must still be as it was read (or still be absent). */
  expect(key: Uint8Array, stored: { revision: Uint8Array } | undefined): this {
    this.checks.push({ key, revision: stored ? stored.revision : 'absent' });
    return this;
  }

  put(row: { key: Uint8Array; value: Uint8Array }): this {
    this.puts.push(row);
    return this;
  }

  del(key: Uint8Array): this {
    this.dels.push(key);
    return this;
  }

  /** The commit makes room in the end (a deletion that leaves a row for the sweeper): it is taken below the free-space floor. */
  frees(): this {
    this.#frees = true;
    return this;
  }

  #frees = false;

  build(): Commit {
    const { checks, puts, dels } = this;
    return this.#frees ? { checks, puts, dels, frees: true } : { checks, puts, dels };
  }
}

/** A row whose existence is all it says (an index). */
export function marker(key: Uint8Array): { key: Uint8Array; value: Buffer } {
  return { key, value: EMPTY };
}
