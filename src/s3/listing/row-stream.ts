import { objectKeyOf } from '../../store/keys.js';
import type { Cursor, MetaStore, Row } from '../../store/ports.js';
import { behindPrefix } from './bounds.js';
import type { KeyStream, MaybePromise } from './collate.js';

/** Two rows tell whether a prefix holds more than one: then the next jump comes at once, else batches grow again. */
const BATCH_MIN = 2;
const BATCH_MAX = 1000;

/**
 * Rows of one tag and bucket as a stream of keys, from one cursor, which is one snapshot. Batches grow while rows are taken one
 * after the other and shrink after a jump: a listing by delimiter reads little of what it skips.
 */
export class RowStream<T> implements KeyStream<T> {
  readonly #cursor: Cursor;
  #rows: Row[] = [];
  #decoded: ReturnType<typeof this.decode> | undefined;
  #at = 0;
  #batch: number;
  #ended = false;
  #entry: (T & { key: string }) | undefined;

  constructor(
    meta: MetaStore,
    private readonly tag: Buffer,
    private readonly bucketId: string,
    bounds: { gte: Buffer; lt: Buffer },
    /** Of rows that were read together, the one at `at`; undefined for a row that the listing doesn't show. */
    private readonly decode: (rows: Row[]) => (at: number, key: string) => (T & { key: string }) | undefined,
    expected: number,
  ) {
    this.#cursor = meta.cursor(bounds);
    this.#batch = Math.max(BATCH_MIN, Math.min(BATCH_MAX, expected + 1));
  }

  peek(): MaybePromise<(T & { key: string }) | undefined> {
    while (!this.#entry) {
      if (this.#at >= this.#rows.length) return this.#ended ? undefined : this.#more();
      this.#entry = this.#decoded!(this.#at, objectKeyOf(this.#rows[this.#at]!.key));
      if (!this.#entry) this.#at++;
    }
    return this.#entry;
  }

  async #more(): Promise<(T & { key: string }) | undefined> {
    this.#rows = await this.#cursor.next(this.#batch);
    this.#decoded = this.decode(this.#rows);
    this.#at = 0;
    if (this.#rows.length < this.#batch) this.#ended = true;
    this.#batch = Math.min(BATCH_MAX, this.#batch * 4);
    return this.peek();
  }

  advance(): void {
    this.#entry = undefined;
    this.#at++;
  }

  skipPrefix(prefix: string): void {
    this.#entry = undefined;
    const behind = behindPrefix(this.tag, this.bucketId, prefix);
    while (this.#at < this.#rows.length && Buffer.compare(this.#rows[this.#at]!.key, behind) < 0) this.#at++;
    if (this.#at < this.#rows.length || this.#ended) return;
    this.#cursor.seek(behind);
    this.#batch = BATCH_MIN;
  }

  async close(): Promise<void> {
    await this.#cursor.close();
  }
}
