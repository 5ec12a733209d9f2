import type { OpenSnapshots } from '../open-snapshots.js';
import type { Run } from '../ports.js';
import { valueKey } from './blob-keys.js';
import type { Database } from './database.js';
import { type LiveTable, readManifest } from './manifest.js';

/** 128 values of 512 KiB: 64 MiB, the size of a table. */
const STRETCH_NUMBERS = 128;
/** Neighbours that are compacted as one. */
const STRETCHES_AT_ONCE = 8;
const RETRY_MS = 5000;
const ROUNDS = 4;

export interface ReclaimerOptions {
  /** How long deletions are collected before their space is reclaimed. */
  pauseMs: number;
  enabled: boolean;
  onTrouble(message: string): void;
}

interface Due {
  /** The newest snapshot that may see what was deleted; in vain until it is closed. */
  seenBy: number;
  /** A compaction may have brought value and deletion into the same table, where the next one would leave both. */
  settled: boolean;
}

/** What the reclaimer has the blob store do. */
export interface Touching {
  /** Deletes keys that aren't there. */
  touch(keys: Buffer[]): Promise<void>;
}

/**
 * Deleted values become free space only when LevelDB compacts over them, which by itself it may never do to old tables. So the
 * stretches that deletions touched are compacted in the background, a few neighbours at a time, at half of the disk's time at
 * most: a compaction rewrites what is left of a stretch. One that an open snapshot still sees waits until it is closed. Old tables
 * are removed with the next compaction after the last reader has left them.
 */
export class Reclaimer {
  readonly #stretches = new Map<number, Due>();
  /** Tables that were replaced while these read: they go with a compaction after the newest of them has left. */
  #tablesReadBy: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #isRunning = false;
  #closed = false;
  #touching: Touching | undefined;

  constructor(
    private readonly blob: Database,
    private readonly snapshots: OpenSnapshots,
    private readonly options: ReclaimerOptions,
  ) {
    snapshots.onRelease(() => this.#schedule());
  }

  /** The database is open, again or for the first time. */
  begin(touching: Touching): void {
    this.#touching = touching;
    this.#schedule();
  }

  /** Of values that have just been deleted. */
  add({ first, count }: Run): void {
    const seenBy = this.snapshots.latest;
    const settled = this.snapshots.isOpen(seenBy);
    const last = stretchOf(first + count - 1);
    for (let stretch = stretchOf(first); stretch <= last; stretch++) this.#add(stretch, { seenBy, settled });
    this.#schedule();
  }

  /** A deletion was found in a table: another process didn't come to its end. */
  found(number: number): void {
    this.#add(stretchOf(number), { seenBy: 0, settled: true });
    this.#schedule();
  }

  #add(stretch: number, due: Due): void {
    if (!this.options.enabled || this.#closed) return;
    const known = this.#stretches.get(stretch);
    this.#stretches.set(stretch, known ? { seenBy: due.seenBy, settled: known.settled || due.settled } : due);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #schedule(afterMs = this.options.pauseMs): void {
    // While much is overwritten, waiting costs more room than it saves work.
    if (this.#stretches.size >= STRETCHES_AT_ONCE) afterMs = Math.min(afterMs, 50);
    if (this.#timer || this.#isRunning || this.#closed || !this.#touching || !this.#hasWork()) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#isRunning = true;
      this.#running = this.#run().then((pauseMs) => {
        this.#isRunning = false;
        this.#schedule(pauseMs);
      });
    }, afterMs).unref();
  }

  #hasWork(): boolean {
    if (this.#tablesReadBy !== undefined && !this.snapshots.isOpen(this.#tablesReadBy)) return true;
    for (const { seenBy } of this.#stretches.values()) if (!this.snapshots.isOpen(seenBy)) return true;
    return false;
  }

  /** @returns how long to wait for the next */
  async #run(): Promise<number> {
    const taken = this.#take();
    const startedAt = performance.now();
    try {
      if (taken.size > 0) await this.#compact(taken);
      else await this.#dropTables();
      return Math.max(Math.min(this.options.pauseMs, 50), performance.now() - startedAt);
    } catch (error) {
      for (const [stretch, due] of taken) this.#add(stretch, due);
      if (!this.#closed) {
        this.options.onTrouble(`space of deleted blobs was not reclaimed yet: ${(error as Error).message}`);
      }
      return RETRY_MS;
    }
  }

  /** The first stretch that is due and its neighbours. */
  #take(): Map<number, Due> {
    const taken = new Map<number, Due>();
    const isDue = (due: Due | undefined): due is Due => due !== undefined && !this.snapshots.isOpen(due.seenBy);
    for (const [stretch, due] of this.#stretches) {
      if (!isDue(due)) continue;
      let from = stretch;
      while (stretch - from < STRETCHES_AT_ONCE - 1 && isDue(this.#stretches.get(from - 1))) from--;
      for (let at = from; taken.size < STRETCHES_AT_ONCE; at++) {
        const neighbour = this.#stretches.get(at);
        if (!isDue(neighbour)) break;
        taken.set(at, neighbour);
        this.#stretches.delete(at);
      }
      break;
    }
    return taken;
  }

  async #compact(taken: Map<number, Due>): Promise<void> {
    const stretches = [...taken.keys()];
    const first = valueKey(stretches[0]! * STRETCH_NUMBERS);
    const end = valueKey((stretches.at(-1)! + 1) * STRETCH_NUMBERS);
    await this.blob.before(first, end, true);
    if ([...taken.values()].some(({ settled }) => settled)) await this.#touchTables(first, end);
    // A table that LevelDB moves to a deeper level at this very moment is left alone by a compaction.
    for (let round = 0; round < ROUNDS; round++) {
      await this.blob.level.compactRange(first, end);
      if (!haveLayers(await this.#tables(first, end), first, end)) break;
    }
    const { latest } = this.snapshots;
    if (!this.snapshots.isOpen(latest)) return;
    await this.snapshots.letGo();
    await this.#dropTables();
    // Some let go only when they leave.
    this.#tablesReadBy = latest;
  }

  /** A compaction of nothing: LevelDB removes what nobody reads any more at the end of each. */
  async #dropTables(): Promise<void> {
    this.#tablesReadBy = undefined;
    await this.blob.level.compactRange(NOWHERE, NOWHERE);
  }

  async #tables(first: Buffer, end: Buffer): Promise<LiveTable[]> {
    const { tables } = await readManifest(this.blob.directory);
    return [...tables.values()].filter(
      ({ smallest, largest }) => Buffer.compare(smallest, end) < 0 && Buffer.compare(largest, first) >= 0,
    );
  }

  /** Lays a deletion over every table of the range, so that the compaction takes it. */
  async #touchTables(first: Buffer, end: Buffer): Promise<void> {
    const keys: Buffer[] = [];
    for (const { smallest, largest } of await this.#tables(first, end)) {
      const within = Buffer.compare(smallest, first) < 0 ? first : smallest;
      const beside = Buffer.concat([within, NEVER]);
      if (Buffer.compare(beside, largest) <= 0) keys.push(beside);
      else if (this.blob.level.getSync(within) === undefined) keys.push(within);
    }
    await this.#touching!.touch(keys);
  }
}

/** Whether tables of different levels share keys of the range. */
function haveLayers(tables: readonly LiveTable[], first: Buffer, end: Buffer): boolean {
  return tables.some((one, i) =>
    tables.slice(i + 1).some((other) => {
      if (one.level === other.level) return false;
      const from = [one.smallest, other.smallest, first].reduce(larger);
      const to = [one.largest, other.largest].reduce((a, b) => (larger(a, b) === a ? b : a));
      return Buffer.compare(from, to) <= 0 && Buffer.compare(from, end) < 0;
    }),
  );
}

const larger = (a: Buffer, b: Buffer): Buffer => (Buffer.compare(a, b) >= 0 ? a : b);

const stretchOf = (number: number): number => Math.floor(number / STRETCH_NUMBERS);

/** No key of `blob` ends so. */
const NEVER = Buffer.of(0xff);
/** Behind every key. */
const NOWHERE = Buffer.alloc(9, 0xff);
