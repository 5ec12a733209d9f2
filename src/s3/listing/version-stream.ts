import { objectKeyOf, TAG } from '../../store/keys.js';
import type { Cursor, MetaStore, Row } from '../../store/ports.js';
import type { ObjectRecord } from '../../store/records.js';
import type { Table } from '../../store/table.js';
import { behindPrefix, laterOf } from './bounds.js';
import type { KeyStream } from './collate.js';

export interface VersionEntry {
  key: string;
  record: ObjectRecord;
  isLatest: boolean;
}

const BATCH = 100;

/**
 * All versions by key, newest first: the current ones of `c` rows merged with the older ones of `v` rows. One cursor that jumps
 * between the two, because two would be two snapshots, and a version that moves from one to the other would be missed.
 */
export class VersionStream implements KeyStream<VersionEntry> {
  readonly #cursor: Cursor;
  #currentAt: Buffer;
  readonly #currentEnd: Buffer;
  #entries: VersionEntry[] = [];
  #at = 0;
  #ended = false;

  constructor(
    meta: MetaStore,
    private readonly table: Table<ObjectRecord>,
    private readonly bucketId: string,
    bounds: { gte: Buffer; lt: Buffer },
    /** Of the first key, only versions with a smaller sequence than this. */
    private readonly from?: { key: string; below: number },
  ) {
    this.#cursor = meta.cursor({ gte: TAG.current, lt: Buffer.from('v0', 'latin1') });
    this.#currentAt = bounds.gte;
    this.#currentEnd = bounds.lt;
  }

  async peek(): Promise<VersionEntry | undefined> {
    while (this.#at >= this.#entries.length) {
      if (this.#ended) return undefined;
      await this.#fill();
    }
    return this.#entries[this.#at];
  }

  advance(): void {
    this.#at++;
  }

  skipPrefix(prefix: string): void {
    while (this.#at < this.#entries.length && this.#entries[this.#at]!.key.startsWith(prefix)) this.#at++;
    this.#currentAt = laterOf(this.#currentAt, behindPrefix(TAG.current, this.bucketId, prefix));
  }

  async close(): Promise<void> {
    await this.#cursor.close();
  }

  /** The next few keys with all their versions. */
  async #fill(): Promise<void> {
    this.#entries = [];
    this.#at = 0;
    this.#cursor.seek(this.#currentAt);
    const rows = (await this.#cursor.next(BATCH)).filter((row) => Buffer.compare(row.key, this.#currentEnd) < 0);
    const first = rows[0];
    const last = rows.at(-1);
    if (!first || !last || Buffer.compare(this.#currentAt, this.#currentEnd) >= 0) {
      this.#ended = true;
      return;
    }
    this.#currentAt = Buffer.concat([last.key, Buffer.of(0)]);
    const older = await this.#olderBetween(first, last);
    let next = 0;
    for (const row of rows) {
      const key = objectKeyOf(row.key);
      this.#add({ key, record: this.table.open(row).record, isLatest: true });
      for (; next < older.length && startsLike(older[next]!.key, row.key); next++) {
        this.#add({ key, record: this.table.open(older[next]!).record, isLatest: false });
      }
    }
  }

  async #olderBetween(first: Row, last: Row): Promise<Row[]> {
    const tail = (row: Row): Buffer => row.key.subarray(TAG.current.length);
    const end = Buffer.concat([TAG.version, tail(last), Buffer.alloc(9, 0xff)]);
    this.#cursor.seek(Buffer.concat([TAG.version, tail(first)]));
    const found: Row[] = [];
    for (;;) {
      const rows = await this.#cursor.next(BATCH);
      for (const row of rows) {
        if (Buffer.compare(row.key, end) > 0) return found;
        found.push(row);
      }
      if (rows.length < BATCH) return found;
    }
  }

  #add(entry: VersionEntry): void {
    if (this.from && entry.key === this.from.key && entry.record.sequence >= this.from.below) return;
    this.#entries.push(entry);
  }
}

/** Does a `v` row belong to the same bucket and key as a `c` row? */
function startsLike(versionRow: Buffer, currentRow: Buffer): boolean {
  const length = currentRow.length;
  return versionRow.length === length + 8 && versionRow.subarray(2, length).equals(currentRow.subarray(2));
}
