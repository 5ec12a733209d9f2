import { randomBytes } from 'node:crypto';
import { EMPTY } from '../../base/bytes.js';
import { META_VALUE_MAX_BYTES } from '../../base/limits.js';
import { checkCommit, REVISION_BYTES } from '../commit-limits.js';
import type { Check, Commit, Cursor, MetaStore, Range, RangeQuery, Row } from '../ports.js';
import { compactMeta } from './compaction.js';
import { COUNTER_KEY, encodeCounter, PROGRESS_KEY, parseCounter } from './counter.js';
import { readError } from './database.js';
import type { Engine, EngineUser } from './engine.js';
import { LevelCursor, rowOf } from './meta-cursor.js';
import { Readers } from './readers.js';
import { type Group, WriteQueue } from './write-queue.js';

const FIRST_USER_KEY = Buffer.of(1);
const GROUP_BYTES = 4 * 1024 * 1024;
const IDLE_MARK_AFTER_MS = 50;
/** Up to here getSync in a loop is cheaper than a trip to the thread pool. */
const SYNC_READS = 32;

/** Rows that are written but not yet readable, by latin1 key. */
type Overlay = Map<string, Buffer | 'absent'>;

/** `MetaStore` on LevelDB. A row's value is stored as 16-byte revision ‖ value. */
export class LevelMetaStore implements MetaStore, EngineUser {
  /** One process holds its lock. */
  readonly shared = false;
  readonly #queue: WriteQueue;
  #forming: Overlay = new Map();
  #flying: Overlay = new Map();
  readonly #cursors = new Readers();
  #groupNumber = 0;
  /** Number of the last group that another record follows in the log; see `#markIdle`. */
  #markedGroup = 0;
  #marker: NodeJS.Timeout | undefined;
  /** 8 random bytes of this opening ‖ u64 count. */
  readonly #revision = Buffer.alloc(REVISION_BYTES);
  #revisionCount = 0;
  /** Where revision and value are joined; the batch copies it. */
  readonly #scratch = Buffer.allocUnsafe(REVISION_BYTES + META_VALUE_MAX_BYTES);

  constructor(private readonly engine: Engine) {
    this.#queue = new WriteQueue(
      engine,
      engine.meta,
      GROUP_BYTES,
      (group) => this.#beforeWrite(group),
      (written) => this.#afterWrite(written),
    );
    engine.use(this);
  }

  async opened(): Promise<void> {
    this.#forming = new Map();
    this.#flying = new Map();
    randomBytes(8).copy(this.#revision);
    this.#revisionCount = 0;
    this.#groupNumber = parseCounter(this.engine.meta.level.getSync(COUNTER_KEY)).group;
    this.#markedGroup = this.#groupNumber;
    if (this.engine.meta.level.getSync(PROGRESS_KEY) === undefined) {
      const group = this.#queue.group()!;
      group.batch.put(PROGRESS_KEY, EMPTY);
      await this.#queue.written(group);
    }
    this.#marker ??= setInterval(() => this.#markIdle(), IDLE_MARK_AFTER_MS).unref();
  }

  poisoned(cause: Error): void {
    this.#queue.poisoned(cause);
    this.#forming = new Map();
    this.#flying = new Map();
  }

  async closing(): Promise<void> {
    clearInterval(this.#marker);
    this.#marker = undefined;
    await this.#queue.drained();
  }

  async get(key: Uint8Array): Promise<Row | undefined> {
    this.engine.requireOpen();
    const bytes = asBuffer(key);
    const unverified = this.engine.meta.before(bytes);
    if (unverified) await unverified;
    const stored = this.#read(bytes);
    return stored && rowOf(bytes, stored);
  }

  async getMany(keys: Uint8Array[]): Promise<(Row | undefined)[]> {
    this.engine.requireOpen();
    const buffers = keys.map(asBuffer);
    const unverified = this.#unverified(buffers);
    if (unverified) await unverified;
    if (buffers.length <= SYNC_READS) return buffers.map((key) => rowOrNone(key, this.#read(key)));
    const wanted = buffers.map((key) => (isReserved(key) ? FIRST_USER_KEY : key));
    const values = await this.engine.meta.level.getMany(wanted).catch((error: unknown) => {
      throw readError(error);
    });
    return buffers.map((key, i) => (isReserved(key) ? undefined : rowOrNone(key, values[i])));
  }

  async range({ gte, lt, limit, reverse = false, keysOnly = false }: RangeQuery): Promise<Row[]> {
    const cursor = this.#cursor({ gte, lt }, keysOnly, reverse, limit);
    try {
      return await cursor.next(limit);
    } finally {
      await cursor.close();
    }
  }

  cursor({ gte, lt, keysOnly = false }: Range & { keysOnly?: boolean }): Cursor {
    return this.#cursor({ gte, lt }, keysOnly, false, -1);
  }

  async commit(commit: Commit): Promise<boolean> {
    checkCommit(commit);
    const unverified = this.#unverified((commit.checks ?? []).map(({ key }) => asBuffer(key)));
    if (unverified) await unverified;
    const takesRoom = commit.puts?.length && !commit.frees;
    const { space } = this.engine;
    const room = takesRoom ? space.measured() : space.makeRoom();
    if (room) await room;
    for (;;) {
      this.engine.requireOpen();
      if (takesRoom) space.require();
      const group = this.#queue.group();
      if (group) {
        // Checks and writes happen in one go, in arrival order: nothing can come between them.
        const holds = (commit.checks ?? []).every((check) => this.#holds(check));
        if (holds) {
          this.#add(group, commit);
          group.acknowledges = true;
        }
        // A check may have failed on account of a row that isn't durable yet: that answer waits too.
        await this.#queue.written(group);
        return holds;
      }
      await this.#queue.room();
    }
  }

  async close(): Promise<void> {
    await this.engine.close();
  }

  /** As `Store.compactMeta`. */
  async compact(range?: Range): Promise<void> {
    await this.engine.meta.verification?.rest();
    const touch = (key: Buffer) => this.#touch(key);
    return compactMeta({ engine: this.engine, cursors: this.#cursors, touch }, range);
  }

  /** Writes a row as it is, or deletes one that isn't there. Every group writes the engine's own row in any case. */
  async #touch(key: Buffer): Promise<void> {
    for (;;) {
      this.engine.requireOpen();
      const group = this.#queue.group();
      if (group) {
        const name = key.toString('latin1');
        const pending = this.#forming.has(name) || this.#flying.has(name);
        const stored = this.#read(key);
        if (stored) {
          if (!pending) group.batch.put(key, stored);
        } else if (!pending) group.batch.del(key);
        await this.#queue.written(group);
        return;
      }
      await this.#queue.room();
    }
  }

  /** What is to be waited for before these rows are read. */
  #unverified(keys: Buffer[]): Promise<unknown> | undefined {
    const { meta } = this.engine;
    if (meta.verification?.complete !== false) return undefined;
    const waits = keys.map((key) => meta.before(key)).filter((wait) => wait !== undefined);
    return waits.length > 0 ? Promise.all(waits) : undefined;
  }

  #cursor(range: Range, keysOnly: boolean, reverse: boolean, limit: number): LevelCursor {
    this.engine.requireOpen();
    const gte = Buffer.compare(range.gte, FIRST_USER_KEY) < 0 ? FIRST_USER_KEY : asBuffer(range.gte);
    const whole = { gte, lt: asBuffer(range.lt), keysOnly, reverse, limit };
    const leave = this.#cursors.enter();
    try {
      return new LevelCursor(this.engine.meta.level, whole, this.engine.meta.before(gte, whole.lt), leave);
    } catch (error) {
      leave();
      throw error;
    }
  }

  #read(key: Buffer): Buffer | undefined {
    if (isReserved(key)) return undefined;
    try {
      return this.engine.meta.level.getSync(key);
    } catch (error) {
      throw readError(error);
    }
  }

  #holds({ key, revision }: Check): boolean {
    const bytes = asBuffer(key);
    const name = bytes.toString('latin1');
    const current =
      this.#forming.get(name) ?? this.#flying.get(name) ?? this.#read(bytes)?.subarray(0, REVISION_BYTES) ?? 'absent';
    if (revision === 'absent' || current === 'absent') return revision === current;
    return current.equals(revision);
  }

  #add(group: Group, { puts = [], dels = [] }: Commit): void {
    for (const { key, value } of puts) {
      const bytes = asBuffer(key);
      const revision = this.#drawRevision();
      revision.copy(this.#scratch);
      this.#scratch.set(value, REVISION_BYTES);
      group.batch.put(bytes, this.#scratch.subarray(0, REVISION_BYTES + value.length));
      this.#forming.set(bytes.toString('latin1'), revision);
    }
    for (const key of dels) {
      const bytes = asBuffer(key);
      group.batch.del(bytes);
      this.#forming.set(bytes.toString('latin1'), 'absent');
    }
  }

  #drawRevision(): Buffer {
    const revision = Buffer.from(this.#revision);
    revision.writeBigUInt64BE(BigInt(++this.#revisionCount), 8);
    return revision;
  }

  #beforeWrite(group: Group): void {
    this.#flying = this.#forming;
    this.#forming = new Map();
    const counter = { group: ++this.#groupNumber, blobSequence: this.engine.blobSequence };
    group.batch.put(COUNTER_KEY, encodeCounter(counter));
  }

  #afterWrite({ batch, acknowledges }: Group): void {
    this.#flying = new Map();
    this.engine.metaSequence += batch.operations;
    if (acknowledges) this.engine.progress.note({ meta: this.engine.metaSequence });
  }

  /**
   * Damage to the very last record of a log looks like a write that a crash cut off. So when writing pauses, one more record
   * follows the last one that was acknowledged.
   */
  #markIdle(): void {
    if (this.#markedGroup === this.#groupNumber || !this.#queue.idle) return;
    try {
      this.engine.requireOpen();
      const group = this.#queue.group();
      if (!group) return;
      this.#markedGroup = this.#groupNumber + 1;
      group.batch.del(MARK_KEY);
      this.#queue.written(group).catch(() => {});
    } catch {
      // Poisoned: recovery moves all records out of the log.
    }
  }
}

/** Deleted where a group needs an operation and has none. Never exists. */
const MARK_KEY = Buffer.of(0, 0x6d);

const isReserved = (key: Uint8Array): boolean => key.length === 0 || key[0] === 0;

const rowOrNone = (key: Buffer, stored: Buffer | undefined): Row | undefined => stored && rowOf(key, stored);

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
