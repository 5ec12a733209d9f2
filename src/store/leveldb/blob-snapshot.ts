import { BLOB_RUN_MAX_VALUES } from '../../base/limits.js';
import { BlobMissing, SnapshotExpired, StoreUnavailable } from '../errors.js';
import type { OpenSnapshots } from '../open-snapshots.js';
import type { BlobSnapshot, HeldExtents, Run } from '../ports.js';
import type { SegmentFiles } from '../value-log/files.js';
import type { Frame } from '../value-log/format.js';
import { holdExtent, readValues } from '../value-log/reader.js';
import { isPlaceRow, parsePlaceRow } from '../value-log/rows.js';
import { isSegmentKey, isValueKey, numberOf, reverseKey, valueKey } from './blob-keys.js';
import { type Database, type LevelDatabase, readError } from './database.js';

/** More than any read asks for at once: a page must not end because of its size. */
const PAGE_BYTES = 64 * 1024 * 1024;

/**
 * Reads with one iterator, which goes on where the last read ended: measured 5 GB/s with the copies made off the main thread,
 * as fast as getSync and without its waiting for the disk.
 *
 * Beyond its limits it gives up its view and takes a new one: numbers are never used twice, so who reads what is still there goes
 * on, and only who reads what was deleted meanwhile ends.
 */
export class LevelBlobSnapshot implements BlobSnapshot {
  #level: LevelDatabase;
  #snapshot: ReturnType<LevelDatabase['snapshot']>;
  #leave: () => void;
  #iterator: ReturnType<typeof iterate> | undefined;
  /** The number the iterator is at. */
  #at = -1;
  /** The run in the value log that was met last: it is read on, mostly. */
  #place: Frame | undefined;
  readonly #held = new Set<HeldExtents>();
  /** The last number that was read. */
  #lastRead = -1;
  #renewed = false;
  #renewing = false;
  #closed = false;
  #onLost: ((cause: Error) => void) | undefined;
  /** Reads take turns: an iterator serves one at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly blob: Database,
    private readonly files: SegmentFiles,
    private readonly open: OpenSnapshots,
  ) {
    this.#level = blob.level;
    this.#snapshot = this.#level.snapshot();
    this.#leave = this.#enter();
  }

  read(_owner: Uint8Array, run: Run, from: number, count: number): Promise<Buffer[]> {
    return this.#inTurn(() => this.#read(first(run, from, count), count));
  }

  extents(_owner: Uint8Array, run: Run, from: number, count: number): Promise<HeldExtents | undefined> {
    return this.#inTurn(() => this.#extents(first(run, from, count), count));
  }

  onLost(lost: (cause: Error) => void): void {
    this.#onLost = lost;
  }

  async close(): Promise<void> {
    const wasClosed = this.#closed;
    this.#closed = true;
    await this.#last;
    for (const held of this.#held) held.release();
    if (!wasClosed) await this.#release();
  }

  #inTurn<T>(read: () => Promise<T>): Promise<T> {
    const result = this.#last.then(async () => {
      if (this.#closed) throw new StoreUnavailable('the snapshot is closed');
      // Segments could be read on, but nobody reads on from a store that was given up.
      if (this.#level.status !== 'open') throw new StoreUnavailable('the store was reopened');
      try {
        return await read();
      } catch (error) {
        this.#at = -1;
        throw readError(error);
      }
    });
    this.#last = result.catch(() => {});
    return result;
  }

  async #release(): Promise<void> {
    try {
      await this.#iterator?.close();
      await this.#snapshot.close();
    } finally {
      this.#iterator = undefined;
      this.#leave();
    }
  }

  #enter(): () => void {
    return this.open.enter(
      () => this.#renew(),
      () => this.#letGo(),
    );
  }

  /** An iterator keeps every table that there was when it was made; the snapshot keeps none. The next read makes another. */
  #letGo(): Promise<void> {
    const done = this.#last.then(async () => {
      await this.#iterator?.close();
      this.#iterator = undefined;
      this.#at = -1;
    });
    this.#last = done.catch(() => {});
    return done;
  }

  #renew(): void {
    if (this.#renewing || this.#closed) return;
    this.#renewing = true;
    this.#last = this.#last.then(async () => {
      if (this.#closed) return;
      try {
        await this.#release();
        this.#level = this.blob.level;
        this.#snapshot = this.#level.snapshot();
        this.#leave = this.#enter();
        this.#at = -1;
        this.#place = undefined;
        this.#renewed = true;
        this.#renewing = false;
        if (this.#lastRead >= 0 && !(await this.#has(this.#lastRead))) this.#onLost?.(expired());
      } catch (error) {
        // The database was closed meanwhile: nothing can be read any more.
        this.#closed = true;
        this.#onLost?.(readError(error));
      }
    });
  }

  async #has(number: number): Promise<boolean> {
    const row = this.blob.level.getSync(valueKey(number), { snapshot: this.#snapshot });
    return row !== undefined || this.#findPlace(number);
  }

  async #read(first: number, count: number): Promise<Buffer[]> {
    const values: Buffer[] = [];
    while (values.length < count) {
      const at = first + values.length;
      const wanted = count - values.length;
      const place = this.#placeKnown(at);
      const some = place ? await readValues(this.files, place, at, wanted) : await this.#readRows(at, wanted);
      values.push(...some);
    }
    this.#lastRead = first + count - 1;
    return values;
  }

  async #extents(first: number, count: number): Promise<HeldExtents | undefined> {
    const parts: Awaited<ReturnType<typeof holdExtent>>[] = [];
    const held: HeldExtents = {
      extents: [],
      release: () => {
        this.#held.delete(held);
        for (const { release } of parts) release();
      },
    };
    try {
      for (let at = first; at < first + count; ) {
        if (!this.#placeKnown(at) && !(await this.#findPlace(at))) {
          held.release();
          return undefined;
        }
        const part = await holdExtent(this.files, this.#place!, at, first + count - at);
        parts.push(part);
        held.extents.push(part.extent);
        at += part.count;
      }
    } catch (error) {
      held.release();
      throw error;
    }
    this.#held.add(held);
    this.#lastRead = first + count - 1;
    return held;
  }

  #placeKnown(number: number): Frame | undefined {
    const place = this.#place;
    return place && place.first <= number && number < place.first + place.lengths.length ? place : undefined;
  }

  /** Values from `first` on that are rows; none where a run in the value log comes first, which is `#place` then. */
  async #readRows(first: number, count: number): Promise<Buffer[]> {
    const values: Buffer[] = [];
    // One more: the iterator goes on to the row behind.
    await this.blob.before(valueKey(first), valueKey(first + count));
    const iterator = this.#position(first);
    while (values.length < count) {
      const next = first + values.length;
      const entries = await iterator.nextv(count - values.length);
      if (entries.length === 0 && !(await this.#findPlace(next))) throw this.#missing(next);
      for (const [key, value] of entries) {
        const expected = first + values.length;
        if (isValueKey(key) && numberOf(key) === expected) values.push(value);
        // Behind the values of a run stands its reverse row, and a segment's row may stand anywhere.
        else if (isSegmentKey(key) || (!isValueKey(key) && !isPlaceRow(value))) continue;
        else if (!isValueKey(key) && numberOf(key) === expected) {
          this.#place = parsePlaceRow(expected, value);
          return values;
        } else if (await this.#findPlace(expected)) return values;
        else throw this.#missing(expected);
      }
      if (entries.length === 0) return values;
    }
    this.#at = first + count;
    return values;
  }

  /** Whether the number is one of a run in the value log. */
  async #findPlace(number: number): Promise<boolean> {
    const { level } = this.blob;
    const snapshot = this.#snapshot;
    await this.blob.before(valueKey(Math.max(0, number - BLOB_RUN_MAX_VALUES)), reverseKey(number));
    // A body is read from run to run: mostly it is the first of one.
    const own = level.getSync(reverseKey(number), { snapshot });
    if (own) {
      if (!isPlaceRow(own)) return false;
      this.#place = parsePlaceRow(number, own);
      return true;
    }
    // Either its own reverse row, or that of the run that it is inside of: nothing can lie between.
    const [key] = await level.keys({ lte: reverseKey(number), reverse: true, limit: 1, snapshot }).all();
    if (!key || isValueKey(key) || isSegmentKey(key)) return false;
    const row = await level.get(key, { snapshot });
    if (!row || !isPlaceRow(row)) return false;
    this.#place = parsePlaceRow(numberOf(key), row);
    return this.#placeKnown(number) !== undefined;
  }

  #position(first: number) {
    const snapshot = this.#snapshot;
    this.#iterator ??= iterate(this.blob.level, snapshot);
    if (this.#at !== first) this.#iterator.seek(valueKey(first));
    this.#at = -1;
    return this.#iterator;
  }

  #missing(number: number): Error {
    return this.#renewed ? expired() : new BlobMissing(`blob ${number} is missing`);
  }
}

/** The number of a run's value `from`. @throws BlobMissing where the run has fewer */
function first(run: Run, from: number, count: number): number {
  if (from + count > run.count) throw new BlobMissing(`run ${run.first} has ${run.count} blobs`);
  return run.first + from;
}

const iterate = (level: LevelDatabase, snapshot: ReturnType<LevelDatabase['snapshot']>) =>
  level.iterator({ gte: valueKey(0), snapshot, highWaterMarkBytes: PAGE_BYTES });

const expired = (): SnapshotExpired =>
  new SnapshotExpired('what was being read has been deleted, and the snapshot kept back too much for too long');
