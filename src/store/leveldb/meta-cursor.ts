import { EMPTY } from '../../base/bytes.js';
import { REVISION_BYTES } from '../commit-limits.js';
import type { Cursor, Row } from '../ports.js';
import { type LevelDatabase, readError } from './database.js';

/** How much one trip to the thread pool brings. */
const PAGE_BYTES = 1024 * 1024;

interface CursorRange {
  gte: Buffer;
  lt: Buffer;
  keysOnly: boolean;
  reverse: boolean;
  /** -1: none. */
  limit: number;
}

/** A walk over one implicit snapshot: the one that LevelDB takes for every iterator. */
export class LevelCursor implements Cursor {
  readonly #iterator;

  constructor(
    level: LevelDatabase,
    private readonly range: CursorRange,
    /** Of the tables that the range touches; undefined where nothing is to be waited for. */
    private readonly verified: Promise<void> | undefined,
    private readonly closed: () => void,
  ) {
    const { gte, lt, keysOnly, reverse, limit } = range;
    // Whoever reads hears of it.
    verified?.catch(() => {});
    this.#iterator = level.iterator({ gte, lt, reverse, limit, values: !keysOnly, highWaterMarkBytes: PAGE_BYTES });
  }

  async next(limit: number): Promise<Row[]> {
    if (limit <= 0) return [];
    if (this.verified) await this.verified;
    const rows: Row[] = [];
    try {
      while (rows.length < limit) {
        const entries = await this.#iterator.nextv(limit - rows.length);
        if (entries.length === 0) break;
        for (const [key, value] of entries) {
          rows.push(this.range.keysOnly ? { key, value: EMPTY, revision: EMPTY } : rowOf(key, value));
        }
      }
    } catch (error) {
      throw readError(error);
    }
    return rows;
  }

  seek(key: Uint8Array): void {
    const { gte } = this.range;
    try {
      this.#iterator.seek(Buffer.compare(key, gte) < 0 ? gte : (key as Buffer));
    } catch (error) {
      throw readError(error);
    }
  }

  async close(): Promise<void> {
    try {
      await this.#iterator.close();
    } finally {
      this.closed();
    }
  }
}

/** Stored is 16-byte revision ‖ value. */
export function rowOf(key: Buffer, stored: Buffer): Row {
  return { key, value: stored.subarray(REVISION_BYTES), revision: stored.subarray(0, REVISION_BYTES) };
}
