import { StoreDamaged, StoreUnavailable } from '../errors.js';
import { checkTable, checkTableShape, type TableFile, TableMissing } from './table-check.js';

export interface StoredTable extends TableFile {
  level: number;
  bytes: number;
  smallest: Buffer;
  largest: Buffer;
}

interface Entry {
  table: StoredTable;
  /** Settles when the table is verified; absent where nobody has begun. */
  verified?: Promise<void>;
  done: boolean;
}

export interface VerificationOptions {
  /** Told of damaged values that stop nobody but who reads them. Absent: every damage counts. */
  onBadValue?(message: string): void;
  /** Told of the row keys that a table says are deleted. */
  onDeletion?(key: Buffer): void;
  /** What damage leads to, besides the rejection. */
  onDamage(cause: StoreDamaged): void;
}

const SHAPES_AT_ONCE = 16;

/**
 * The tables that a database had when it was opened, and which of them are verified. Everything that leads LevelDB into one asks
 * here first: LevelDB ends the process where a block doesn't parse. Level by level from the top, the order in which LevelDB's own
 * compactions go down, the rest is verified in the background.
 */
export class Verification {
  readonly #entries: Entry[];
  readonly #levels: Entry[][] = [];
  #left: number;
  #stopped = false;

  constructor(
    tables: readonly StoredTable[],
    private readonly options: VerificationOptions,
  ) {
    this.#entries = [...tables].sort((a, b) => a.level - b.level).map((table) => ({ table, done: false }));
    for (const entry of this.#entries) {
      this.#levels[entry.table.level] ??= [];
      this.#levels[entry.table.level]!.push(entry);
    }
    for (const level of this.#levels) level?.sort((a, b) => Buffer.compare(a.table.smallest, b.table.smallest));
    this.#left = this.#entries.length;
  }

  get complete(): boolean {
    return this.#left === 0;
  }

  /** Whether each table is there and its index is sound. @throws StoreDamaged naming the file */
  async shapes(): Promise<void> {
    await requireTables(this.#entries.map(({ table }) => table));
  }

  /** Verifies tables until so many bytes are. @throws StoreDamaged naming the file */
  async upTo(bytes: number): Promise<void> {
    let left = bytes;
    for (const entry of this.#entries) {
      left -= entry.table.bytes;
      if (left < 0 || this.#stopped) return;
      await this.#verify(entry);
    }
  }

  /** Verifies what is left. Damage has been told by then. */
  async rest(): Promise<void> {
    for (const entry of this.#entries) {
      if (this.#stopped) return;
      if (!entry.done) await this.#verify(entry).catch(() => {});
    }
  }

  /**
   * To be awaited before LevelDB reads rows in [first, last]. `undefined`: nothing is to be waited for.
   * `spread`: a compaction reads the whole of what it meets, and what that overlaps.
   * @throws StoreDamaged naming the file
   */
  before(first: Buffer, last: Buffer, spread = false): Promise<void> | undefined {
    if (this.#left === 0) return undefined;
    const [from, to] = spread ? this.#spread(first, last) : [first, last];
    const wanted = this.#overlapping(from, to).filter(({ done }) => !done);
    if (wanted.length === 0) return undefined;
    return Promise.all(wanted.map((entry) => this.#verify(entry))).then(() => {});
  }

  stop(): void {
    this.#stopped = true;
  }

  #spread(first: Buffer, last: Buffer): [Buffer, Buffer] {
    let [from, to] = [first, last];
    for (;;) {
      const [oldFrom, oldTo] = [from, to];
      for (const { table } of this.#overlapping(from, to)) {
        if (Buffer.compare(table.smallest, from) < 0) from = table.smallest;
        if (Buffer.compare(table.largest, to) > 0) to = table.largest;
      }
      if (from === oldFrom && to === oldTo) return [from, to];
    }
  }

  #overlapping(first: Buffer, last: Buffer): Entry[] {
    const found: Entry[] = [];
    for (const [number, level] of this.#levels.entries()) {
      if (!level) continue;
      // Those of level 0 overlap each other, the others don't.
      let at = number === 0 ? 0 : firstReaching(level, first);
      for (; at < level.length && Buffer.compare(level[at]!.table.smallest, last) <= 0; at++) {
        if (Buffer.compare(level[at]!.table.largest, first) >= 0) found.push(level[at]!);
      }
    }
    return found;
  }

  #verify(entry: Entry): Promise<void> {
    entry.verified ??= this.#check(entry.table).then(
      () => {
        entry.done = true;
        this.#left--;
      },
      (error) => {
        // Too few file descriptors, say: whoever comes next tries again.
        if (!(error instanceof StoreDamaged)) entry.verified = undefined;
        throw error;
      },
    );
    return entry.verified;
  }

  async #check(table: StoredTable): Promise<void> {
    try {
      await checkTable(table, this.options);
    } catch (error) {
      // It was there when the database was opened: a compaction has replaced it.
      if (error instanceof TableMissing) return;
      const damage = damageOf(table.path, error as NodeJS.ErrnoException);
      if (!damage) throw new StoreUnavailable(`${table.path} was not verified: ${(error as Error).message}`);
      this.options.onDamage(damage);
      throw damage;
    }
  }
}

/** Whether each table is there and its index is sound. @throws StoreDamaged naming the file */
export async function requireTables(tables: readonly StoredTable[]): Promise<void> {
  const left = tables.values();
  const work = async (): Promise<void> => {
    for (const table of left) await checkTableShape(table);
  };
  await Promise.all(Array.from({ length: SHAPES_AT_ONCE }, work));
}

/** A sector that can't be read is damage, a lack of file descriptors is none. */
function damageOf(path: string, error: NodeJS.ErrnoException): StoreDamaged | undefined {
  if (error instanceof StoreDamaged) return error;
  return error.code === 'EIO' ? new StoreDamaged(`${path} is damaged: ${error.message}`) : undefined;
}

/** Index of the first entry whose table ends at or behind the key. */
function firstReaching(level: readonly Entry[], key: Buffer): number {
  let low = 0;
  let high = level.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (Buffer.compare(level[middle]!.table.largest, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
