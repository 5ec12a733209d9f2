import { u64 } from '../../base/bytes.js';
import { BLOB_VALUE_BYTES } from '../../base/limits.js';
import { checkBlobPut, checkOwner } from '../commit-limits.js';
import { OwnerMismatch, StoreDamaged, StoreUnavailable } from '../errors.js';
import type { OpenSnapshots } from '../open-snapshots.js';
import type { BlobLayout, BlobSnapshot, BlobStore, OwnedRun, Reservation, Run } from '../ports.js';
import { type Frame, sum } from '../value-log/format.js';
import type { LogIndex, LogView } from '../value-log/log-index.js';
import { isPlaceRow, parsePlaceRow } from '../value-log/rows.js';
import type { ValueLog } from '../value-log/value-log.js';
import {
  isSegmentKey,
  isValueKey,
  MARK_KEY,
  numberOf,
  parseReverseRow,
  reverseKey,
  reverseRow,
  segmentKey,
  valueKey,
} from './blob-keys.js';
import { LevelBlobSnapshot } from './blob-snapshot.js';
import { type Batch, readError } from './database.js';
import type { Engine, EngineUser } from './engine.js';
import type { Reclaimer, Touching } from './reclaimer.js';
import { type Group, WriteQueue } from './write-queue.js';

const GROUP_BYTES = 8 * 1024 * 1024;
/** So many numbers are reserved at a time; what a process doesn't use of them is never used. */
const RESERVED_NUMBERS = 65_536;
/** With fewer left, the next batch reserves more: it is durable before its numbers are needed. */
const RESERVE_BELOW = 16_384;

interface StoredRun extends Run {
  owner: Buffer;
  /** Where it lies, if not in rows. */
  place: Frame | undefined;
}

/** `BlobStore` on LevelDB: values under a globally increasing number (blob-keys.ts), those of large runs in the value log. */
export class LevelBlobStore implements BlobStore, EngineUser, LogIndex, Touching {
  /** Only where the value log is in use for new runs. */
  readonly reserve: ((owner: Uint8Array, lengths: number[]) => Promise<Reservation>) | undefined;
  /** Snapshots keep what they see. */
  readonly graceMs = 0;
  readonly #queue: WriteQueue;
  readonly #locks = new Map<number, Promise<void>>();
  /** How often the databases were given up. */
  #generation = 0;
  #next = 0;
  /** Numbers below this are reserved by a synced row. */
  #mark = 0;
  /** What the mark becomes when the batch in flight, or the forming one, is durable. */
  #markWritten = 0;

  constructor(
    private readonly engine: Engine,
    private readonly reclaimer: Reclaimer,
    private readonly snapshots: OpenSnapshots,
    private readonly log: ValueLog,
    /** Runs of so many bytes go to the value log. */
    private readonly logFromBytes: number,
  ) {
    this.reserve = logFromBytes === Number.POSITIVE_INFINITY ? undefined : (...run) => this.#reserveRoom(...run);
    this.#queue = new WriteQueue(
      engine,
      engine.blob,
      GROUP_BYTES,
      (group) => log.beforeWrite(group.batch),
      (group) => this.#afterWrite(group),
    );
    engine.use(this);
  }

  async opened(): Promise<void> {
    const row = this.engine.blob.level.getSync(MARK_KEY);
    this.#next = this.#mark = this.#markWritten = row ? Number(row.readBigUInt64BE(0)) : 1;
    await this.log.opened(this);
    const group = this.#queue.group()!;
    this.#reserve(group);
    await this.#queue.written(group);
    this.reclaimer.begin(this);
  }

  poisoned(cause: Error): void {
    this.#generation++;
    this.log.poisoned();
    this.#queue.poisoned(cause);
  }

  async closing(): Promise<void> {
    await this.log.closing();
    await this.#queue.drained();
    await this.reclaimer.close();
  }

  async put(owner: Uint8Array, values: Buffer[]): Promise<Run> {
    const bytes = checkBlobPut(
      owner,
      values.map(({ length }) => length),
    );
    await this.engine.space.measured();
    if (bytes >= this.logFromBytes) {
      this.engine.requireOpen();
      this.engine.space.require();
      return this.log.put(owner, values);
    }
    let first = 0;
    await this.#write((group) => {
      this.engine.space.require();
      if (this.#next + values.length > this.#mark) return false;
      first = this.#next;
      this.#next += values.length;
      values.forEach((value, i) => {
        group.batch.put(valueKey(first + i), value);
      });
      group.batch.put(reverseKey(first), reverseRow(owner, values.length));
      if (this.#markWritten - this.#next < RESERVE_BELOW) this.#reserve(group);
      return true;
    });
    return { first, count: values.length };
  }

  snapshot(): BlobSnapshot {
    this.engine.requireOpen();
    return new LevelBlobSnapshot(this.engine.blob, this.log.files, this.snapshots);
  }

  async delete(owner: Uint8Array, runs: Run[]): Promise<void> {
    checkOwner(owner);
    this.engine.requireOpen();
    const firsts = [...new Set(runs.map(({ first }) => first))].sort((a, b) => a - b);
    const unlocks: (() => void)[] = [];
    try {
      for (const first of firsts) unlocks.push(await this.lock(first));
      const generation = this.#generation;
      // No put of these rows can be on its way: a run is known to its owner only once it is durable.
      const stored: StoredRun[] = [];
      for (const first of firsts) {
        const run = await this.#own(
          owner,
          runs.filter((one) => one.first === first),
        );
        if (run) stored.push(run);
      }
      if (stored.length === 0) return;
      await this.engine.space.makeRoom();
      await this.#write((group) => {
        if (generation !== this.#generation) throw new StoreUnavailable('not deleted: the store was reopened');
        for (const run of stored) this.#delete(group.batch, run);
        return true;
      });
      for (const run of stored) if (!run.place) this.reclaimer.add(run);
      this.snapshots.deleted(stored.reduce((bytes, run) => bytes + bytesOf(run), 0));
    } finally {
      for (const unlock of unlocks) unlock();
    }
  }

  /** For the reclaimer. */
  async touch(keys: Buffer[]): Promise<void> {
    await this.#write((group) => {
      for (const key of keys) group.batch.del(key);
      return true;
    });
  }

  /** Every number that is drawn from now on is at least this. */
  mark(): number {
    return this.#next;
  }

  async *left(owners: readonly Uint8Array[], mark: number): AsyncGenerator<OwnedRun> {
    const wanted = new Set(owners.map((owner) => Buffer.from(owner).toString('hex')));
    for await (const found of this.list(mark)) if (wanted.has(found.owner.toString('hex'))) yield found;
  }

  /** Ascending, from a number on. */
  async *list(from = 0): AsyncGenerator<OwnedRun> {
    for await (const { first, row } of this.#runs(from)) {
      const { owner, count } = storedRun(first, row);
      yield { owner, run: { first, count } };
    }
  }

  layout(): BlobLayout {
    return { large: this.reserve ? 'value-log' : 'leveldb', ...this.log.totals() };
  }

  async *verify(): AsyncGenerator<string | undefined> {
    const leave = this.snapshots.enter(() => {});
    try {
      for await (const { first, row } of this.#runs(0)) {
        if (isPlaceRow(row)) yield await this.log.damageOf(parsePlaceRow(first, row));
      }
    } finally {
      leave();
    }
  }

  async close(): Promise<void> {
    await this.engine.close();
  }

  async draw(count: number): Promise<number> {
    for (;;) {
      this.engine.requireOpen();
      if (this.#next + count <= this.#mark) {
        this.#next += count;
        return this.#next - count;
      }
      await this.#write((group) => {
        if (this.#markWritten - this.#next < RESERVE_BELOW) this.#reserve(group);
        return true;
      });
    }
  }

  write(add: (batch: Batch) => void): Promise<void> {
    return this.#write((group) => {
      add(group.batch);
      if (this.#markWritten - this.#next < RESERVE_BELOW) this.#reserve(group);
      return true;
    });
  }

  async reverseRow(first: number): Promise<Buffer | undefined> {
    await this.engine.blob.before(reverseKey(first));
    return this.#get(reverseKey(first));
  }

  async segmentRow(segment: number): Promise<Buffer | undefined> {
    await this.engine.blob.before(segmentKey(segment));
    return this.#get(segmentKey(segment));
  }

  view(): LogView {
    const { level } = this.engine.blob;
    const snapshot = level.snapshot();
    return {
      reverseRow: async (first) => {
        await this.engine.blob.before(reverseKey(first));
        return level.getSync(reverseKey(first), { snapshot });
      },
      close: () => snapshot.close(),
    };
  }

  async lock(first: number): Promise<() => void> {
    for (let before = this.#locks.get(first); before; before = this.#locks.get(first)) await before;
    let unlock!: () => void;
    const locked = new Promise<void>((resolve) => {
      unlock = () => {
        this.#locks.delete(first);
        resolve();
      };
    });
    this.#locks.set(first, locked);
    return unlock;
  }

  requireOpen(): void {
    this.engine.requireOpen();
  }

  poison(cause: Error): void {
    this.engine.poison(cause);
  }

  async #reserveRoom(owner: Uint8Array, lengths: number[]): Promise<Reservation> {
    checkBlobPut(owner, lengths);
    await this.engine.space.measured();
    this.engine.requireOpen();
    this.engine.space.require();
    return this.log.room(owner, lengths);
  }

  /** Resolves when what `add` put into a group is durable. `add` answers false where it must wait for the next one. */
  async #write(add: (group: Group) => boolean): Promise<void> {
    for (;;) {
      this.engine.requireOpen();
      const group = this.#queue.group();
      if (group && add(group)) return this.#queue.written(group);
      await this.#queue.room();
    }
  }

  /** Every run from number `from` on with its reverse row, in one snapshot. */
  async *#runs(from: number): AsyncGenerator<{ first: number; row: Buffer }> {
    this.engine.requireOpen();
    await this.engine.blob.before(valueKey(from), valueKey(this.#next));
    const { level } = this.engine.blob;
    const snapshot = level.snapshot();
    const leave = this.snapshots.enter(() => {});
    try {
      const keys = level.keys({ gte: valueKey(from), snapshot });
      try {
        for (;;) {
          const key = await keys.next();
          if (key === undefined) return;
          if (isSegmentKey(key)) continue;
          const first = numberOf(key);
          const row = level.getSync(reverseKey(first), { snapshot });
          if (!row || isValueKey(key) === isPlaceRow(row)) throw new StoreDamaged(`blob ${first} has no reverse row`);
          yield { first, row };
          keys.seek(valueKey(first + storedRun(first, row).count));
        }
      } finally {
        await keys.close();
      }
    } catch (error) {
      throw readError(error);
    } finally {
      await snapshot.close();
      leave();
    }
  }

  #reserve(group: Group): void {
    this.#markWritten += RESERVED_NUMBERS;
    group.batch.put(MARK_KEY, u64(this.#markWritten));
    const mark = this.#markWritten;
    group.waiters.push({ resolve: () => this.#reserved(mark), reject: () => {} });
  }

  #reserved(mark: number): void {
    this.#mark = Math.max(this.#mark, mark);
  }

  #afterWrite(group: Group): void {
    this.engine.blobSequence += group.batch.operations;
    this.log.afterWrite();
    this.engine.progress.note({ blob: this.engine.blobSequence });
  }

  #delete(batch: Batch, { first, count, place }: StoredRun): void {
    if (place) this.log.freed(place);
    else for (let i = 0; i < count; i++) batch.del(valueKey(first + i));
    batch.del(reverseKey(first));
  }

  /** The run that all of `runs` name, which have their number in common; undefined where it is gone. @throws OwnerMismatch */
  async #own(owner: Uint8Array, runs: Run[]): Promise<StoredRun | undefined> {
    const { first } = runs[0]!;
    const row = await this.reverseRow(first);
    if (!row) return undefined;
    const stored = storedRun(first, row);
    for (const { count } of runs) {
      if (!stored.owner.equals(owner) || stored.count !== count) {
        throw new OwnerMismatch(`run ${first} of ${count} blobs is another owner's`);
      }
    }
    return stored;
  }

  #get(key: Buffer): Buffer | undefined {
    try {
      return this.engine.blob.level.getSync(key);
    } catch (error) {
      throw readError(error);
    }
  }
}

/** Of values in rows the last one has any length. */
const bytesOf = ({ count, place }: StoredRun): number =>
  place ? sum(place.lengths) : (count - 0.5) * BLOB_VALUE_BYTES;

function storedRun(first: number, row: Buffer): StoredRun {
  if (!isPlaceRow(row)) return { first, ...parseReverseRow(first, row), place: undefined };
  const place = parsePlaceRow(first, row);
  return { first, owner: place.owner, count: place.lengths.length, place };
}
