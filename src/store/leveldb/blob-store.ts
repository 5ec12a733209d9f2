import { u64 } from '../../base/bytes.js';
import { BLOB_VALUE_BYTES } from '../../base/limits.js';
import { checkBlobPut, checkOwner } from '../commit-limits.js';
import { OwnerMismatch, StoreDamaged } from '../errors.js';
import type { OpenSnapshots } from '../open-snapshots.js';
import type { BlobSnapshot, BlobStore, Run } from '../ports.js';
import { isValueKey, MARK_KEY, numberOf, parseReverseRow, reverseKey, reverseRow, valueKey } from './blob-keys.js';
import { LevelBlobSnapshot } from './blob-snapshot.js';
import { readError } from './database.js';
import type { Engine, EngineUser } from './engine.js';
import type { Reclaimer, Touching } from './reclaimer.js';
import { type Group, WriteQueue } from './write-queue.js';

const GROUP_BYTES = 8 * 1024 * 1024;
/** So many numbers are reserved at a time; what a process doesn't use of them is never used. */
const RESERVED_NUMBERS = 65_536;
/** With fewer left, the next batch reserves more: it is durable before its numbers are needed. */
const RESERVE_BELOW = 16_384;

/** `BlobStore` on LevelDB: values under a globally increasing number (blob-keys.ts). */
export class LevelBlobStore implements BlobStore, EngineUser, Touching {
  readonly #queue: WriteQueue;
  #next = 0;
  /** Numbers below this are reserved by a synced row. */
  #mark = 0;
  /** What the mark becomes when the batch in flight, or the forming one, is durable. */
  #markWritten = 0;

  constructor(
    private readonly engine: Engine,
    private readonly reclaimer: Reclaimer,
    private readonly snapshots: OpenSnapshots,
  ) {
    this.#queue = new WriteQueue(
      engine,
      engine.blob,
      GROUP_BYTES,
      () => {},
      (group) => this.#afterWrite(group),
    );
    engine.use(this);
  }

  async opened(): Promise<void> {
    const row = this.engine.blob.level.getSync(MARK_KEY);
    this.#next = this.#mark = this.#markWritten = row ? Number(row.readBigUInt64BE(0)) : 1;
    const group = this.#queue.group()!;
    this.#reserve(group);
    await this.#queue.written(group);
    this.reclaimer.begin(this);
  }

  poisoned(cause: Error): void {
    this.#queue.poisoned(cause);
  }

  async closing(): Promise<void> {
    await this.#queue.drained();
    await this.reclaimer.close();
  }

  async put(owner: Uint8Array, values: Buffer[]): Promise<Run> {
    checkBlobPut(owner, values);
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
    return new LevelBlobSnapshot(this.engine.blob, this.snapshots);
  }

  async delete(owner: Uint8Array, runs: Run[]): Promise<void> {
    checkOwner(owner);
    this.engine.requireOpen();
    for (const { first, count } of runs) await this.engine.blob.before(valueKey(first), valueKey(first + count));
    // No put of these rows can be on its way: a run is known to its owner only once it is durable.
    const stored = runs.filter((run) => this.#isOwn(owner, run));
    if (stored.length === 0) return;
    await this.engine.space.makeRoom();
    await this.#write((group) => {
      for (const { first, count } of stored) {
        for (let i = 0; i < count; i++) group.batch.del(valueKey(first + i));
        group.batch.del(reverseKey(first));
      }
      return true;
    });
    for (const run of stored) this.reclaimer.add(run);
    const values = stored.reduce((sum, { count }) => sum + count, 0);
    // The last value of each run has any length.
    this.snapshots.deleted((values - stored.length / 2) * BLOB_VALUE_BYTES);
  }

  /** For the reclaimer. */
  async touch(keys: Buffer[]): Promise<void> {
    await this.#write((group) => {
      for (const key of keys) group.batch.del(key);
      return true;
    });
  }

  mark(): number {
    return this.#next;
  }

  async *list(from = 0): AsyncGenerator<{ owner: Buffer; run: Run }> {
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
          const first = numberOf(key);
          const row = level.getSync(reverseKey(first), { snapshot });
          if (!isValueKey(key) || !row) throw new StoreDamaged(`blob ${first} has no reverse row`);
          const { owner, count } = parseReverseRow(first, row);
          yield { owner, run: { first, count } };
          keys.seek(valueKey(first + count));
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

  async close(): Promise<void> {
    await this.engine.close();
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
    this.engine.progress.note({ blob: this.engine.blobSequence });
  }

  #isOwn(owner: Uint8Array, { first, count }: Run): boolean {
    let row: Buffer | undefined;
    try {
      row = this.engine.blob.level.getSync(reverseKey(first));
    } catch (error) {
      throw readError(error);
    }
    if (!row) return false;
    const stored = parseReverseRow(first, row);
    if (!stored.owner.equals(owner) || stored.count !== count) {
      throw new OwnerMismatch(`run ${first} of ${count} blobs is another owner's`);
    }
    return true;
  }
}
