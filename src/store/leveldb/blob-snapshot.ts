import { BlobMissing, StoreUnavailable } from '../errors.js';
import type { BlobSnapshot, HeldExtents } from '../ports.js';
import type { Frame } from '../value-log/format.js';
import { holdExtent, readValues } from '../value-log/reader.js';
import { isPlaceRow, parsePlaceRow } from '../value-log/rows.js';
import type { ValueLog } from '../value-log/value-log.js';
import { isSegmentKey, isValueKey, numberOf, reverseKey, valueKey } from './blob-keys.js';
import { type LevelDatabase, readError } from './database.js';

/** More than any read asks for at once: a page must not end because of its size. */
const PAGE_BYTES = 64 * 1024 * 1024;

/**
 * Reads with one iterator, which goes on where the last read ended: measured 5 GB/s with the copies made off the main thread,
 * as fast as getSync and without its waiting for the disk.
 */
export class LevelBlobSnapshot implements BlobSnapshot {
  readonly #snapshot: ReturnType<LevelDatabase['snapshot']>;
  #iterator: ReturnType<typeof iterate> | undefined;
  /** The number the iterator is at. */
  #at = -1;
  /** The run in the value log that was met last: it is read on, mostly. */
  #place: Frame | undefined;
  readonly #held = new Set<HeldExtents>();
  #closed = false;
  /** Reads take turns: an iterator serves one at a time. */
  #last: Promise<unknown> = Promise.resolve();
  readonly #leave: () => void;

  constructor(
    private readonly level: LevelDatabase,
    private readonly log: ValueLog,
  ) {
    this.#leave = log.readers.enter();
    this.#snapshot = level.snapshot();
  }

  read(first: number, count: number): Promise<Buffer[]> {
    return this.#inTurn(() => this.#read(first, count));
  }

  extents(first: number, count: number): Promise<HeldExtents | undefined> {
    return this.#inTurn(() => this.#extents(first, count));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#last;
    for (const held of this.#held) held.release();
    await this.#iterator?.close();
    await this.#snapshot.close();
    this.#leave();
  }

  #inTurn<T>(read: () => Promise<T>): Promise<T> {
    const result = this.#last.then(async () => {
      if (this.#closed) throw new StoreUnavailable('the snapshot is closed');
      // Segments could be read on, but nobody reads on from a store that was given up.
      if (this.level.status !== 'open') throw new StoreUnavailable('the store was reopened');
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

  async #read(first: number, count: number): Promise<Buffer[]> {
    const values: Buffer[] = [];
    while (values.length < count) {
      const at = first + values.length;
      const wanted = count - values.length;
      const place = this.#placeKnown(at);
      const some = place ? await readValues(this.log.files, place, at, wanted) : await this.#readRows(at, wanted);
      values.push(...some);
    }
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
        const part = await holdExtent(this.log.files, this.#place!, at, first + count - at);
        parts.push(part);
        held.extents.push(part.extent);
        at += part.count;
      }
    } catch (error) {
      held.release();
      throw error;
    }
    this.#held.add(held);
    return held;
  }

  #placeKnown(number: number): Frame | undefined {
    const place = this.#place;
    return place && place.first <= number && number < place.first + place.lengths.length ? place : undefined;
  }

  /** Values from `first` on that are rows; none where a run in the value log comes first, which is `#place` then. */
  async #readRows(first: number, count: number): Promise<Buffer[]> {
    const values: Buffer[] = [];
    const iterator = this.#position(first);
    while (values.length < count) {
      const next = first + values.length;
      const entries = await iterator.nextv(count - values.length);
      if (entries.length === 0 && !(await this.#findPlace(next))) throw missing(next);
      for (const [key, value] of entries) {
        const expected = first + values.length;
        if (isValueKey(key) && numberOf(key) === expected) values.push(value);
        // Behind the values of a run stands its reverse row, and a segment's row may stand anywhere.
        else if (isSegmentKey(key) || (!isValueKey(key) && !isPlaceRow(value))) continue;
        else if (!isValueKey(key) && numberOf(key) === expected) {
          this.#place = parsePlaceRow(expected, value);
          return values;
        } else if (await this.#findPlace(expected)) return values;
        else throw missing(expected);
      }
      if (entries.length === 0) return values;
    }
    this.#at = first + count;
    return values;
  }

  /** Whether the number is one of a run in the value log. */
  async #findPlace(number: number): Promise<boolean> {
    const { level } = this;
    const snapshot = this.#snapshot;
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
    this.#iterator ??= iterate(this.level, snapshot);
    if (this.#at !== first) this.#iterator.seek(valueKey(first));
    this.#at = -1;
    return this.#iterator;
  }
}

const iterate = (level: LevelDatabase, snapshot: ReturnType<LevelDatabase['snapshot']>) =>
  level.iterator({ gte: valueKey(0), snapshot, highWaterMarkBytes: PAGE_BYTES });

const missing = (number: number): BlobMissing => new BlobMissing(`blob ${number} is missing`);
