/**
 * The two ports that everything stored goes through. One conformance suite runs against every implementation
 * (`test/store/conformance/`).
 *
 * Limits: key 1 byte to 2 KiB, value 64 KiB, 500 operations and 1 MiB a commit (base/limits.ts); beyond them every method
 * throws RangeError before anything is written. Keys whose first byte is 00 are the engine's own: RangeError on a write, and
 * no read shows them. Where one commit puts and deletes the same key, the deletion wins.
 */

export interface Row {
  key: Buffer;
  /** Empty where `keysOnly` was asked for. */
  value: Buffer;
  /** 16 bytes, changes with every write of the row; drawn by the engine. Empty where `keysOnly` was asked for. */
  revision: Buffer;
}

/** Unsigned bytewise, [gte, lt). */
export interface Range {
  gte: Uint8Array;
  lt: Uint8Array;
}

export interface RangeQuery extends Range {
  limit: number;
  reverse?: boolean;
  keysOnly?: boolean;
}

/** Expected revision of a row, or that there is none. The key may be one that the commit doesn't write. */
export interface Check {
  key: Uint8Array;
  revision: Uint8Array | 'absent';
}

export interface Commit {
  checks?: Check[];
  puts?: { key: Uint8Array; value: Uint8Array }[];
  dels?: Uint8Array[];
  /**
   * This commit leads to space being freed (a deletion whose bookkeeping also puts small rows): it is let through below the
   * free-space floor, where commits with puts are otherwise refused.
   */
  frees?: boolean;
}

/** A walk in ascending order over one snapshot that can jump ahead: what delimiter listings are made of. */
export interface Cursor {
  /** Up to `limit` rows; an empty array at the end. */
  next(limit: number): Promise<Row[]>;
  /** The next row returned is the first at or after `key` (never before the range's start). */
  seek(key: Uint8Array): void;
  close(): Promise<void>;
}

export interface MetaStore {
  /**
   * Whether anybody besides this process may write it. Where nobody may, what was read once may be kept until it is written; where
   * somebody may, every decision reads the rows that it rests on.
   */
  readonly shared: boolean;
  get(key: Uint8Array): Promise<Row | undefined>;
  getMany(keys: Uint8Array[]): Promise<(Row | undefined)[]>;
  /** One page, which is one snapshot. */
  range(query: RangeQuery): Promise<Row[]>;
  cursor(range: Range & { keysOnly?: boolean }): Cursor;
  /**
   * All or nothing, serializable, durable when it resolves. `false`: a check failed and nothing was written.
   * @throws StoreUnavailable surely not applied (poisoned engine, below the free-space floor, closed)
   * @throws OutcomeUnknown may or may not have been applied
   */
  commit(commit: Commit): Promise<boolean>;
  close(): Promise<void>;
}

/** `count` consecutive blob sequence numbers from `first` on. */
export interface Run {
  first: number;
  count: number;
}

/** Where stored bytes lie in a file: `length` bytes at `offset` of the open file `fd` (numbers are good in every thread). */
export interface Extent {
  fd: number;
  offset: number;
  length: number;
}

/** Files stay open for those who hold this. Whoever reads by `fd` has stopped before `release`: the number may be given anew. */
export interface HeldExtents {
  /** The bytes in order. Values that lie side by side are one extent. */
  extents: Extent[];
  /** Once is enough. Closing the snapshot does it too. */
  release(): void;
}

/** A frozen view: what it sees can't be taken away by the sweeper until `close`, or until it keeps back too much. */
export interface BlobSnapshot {
  /**
   * The values of `count` numbers from `first` on, in order.
   * @throws BlobMissing where one of them isn't there, SnapshotExpired where it was deleted and the view given up
   */
  read(first: number, count: number): Promise<Buffer[]>;
  /**
   * Where the same values lie, for whoever reads them without the engine; undefined where not all of them lie in files. Nothing
   * is verified: the body's own authentication does that. Engines without files don't have it. @throws BlobMissing
   */
  extents?(first: number, count: number): Promise<HeldExtents | undefined>;
  /**
   * Called at most once, where the engine gave the view up because of what it kept back (`SnapshotLimits`) and what was being read
   * has been deleted: there is nothing more to read. Engines whose snapshots keep nothing back don't have it.
   */
  onLost?(lost: (cause: Error) => void): void;
  close(): Promise<void>;
}

/**
 * Room for one run in a file. Its holder writes exactly `length` bytes from `offset` of `fd` on, in any order and from any
 * thread, and then calls `commit` or `abandon`, once, when nobody writes any more: the number may then be given anew.
 */
export interface Reservation extends Extent {
  /**
   * Durable when it resolves, with the reverse row. The run's numbers are drawn here: they lie above every `mark` read before.
   * @param crc32c of the bytes written, from `crc32c` of @node-rs/crc32
   * @throws StoreUnavailable surely not applied, OutcomeUnknown may be; either way nothing is left to abandon
   */
  commit(crc32c: number): Promise<Run>;
  /** The room stays unused until the file goes. Never throws. */
  abandon(): Promise<void>;
}

export interface BlobStore {
  /**
   * Stores the values under fresh consecutive sequence numbers in one synced batch, with a reverse row that names the owner
   * (16 bytes: the part id, drawn anew for every attempt to store a body). Write-once: a number is never used again.
   */
  put(owner: Uint8Array, values: Buffer[]): Promise<Run>;
  /**
   * Room for a run of values of these lengths, for whoever writes them without the engine; the limits of `put` hold. Engines
   * that keep no bytes in files don't have it. @throws StoreUnavailable as `put`
   */
  reserve?(owner: Uint8Array, lengths: number[]): Promise<Reservation>;
  snapshot(): BlobSnapshot;
  /** Idempotent. A run whose reverse row names another owner is left alone and reported by throwing OwnerMismatch. */
  delete(owner: Uint8Array, runs: Run[]): Promise<void>;
  /** Every number that `put` will give from now on is at least this. */
  mark(): number;
  /** Every stored run from number `from` (default 0) on, ascending: for scrubbing and for what a crash left behind. */
  list(from?: number): AsyncIterable<{ owner: Buffer; run: Run }>;
  /** Where bytes lie, for people. Engines that keep no bytes in files don't have it. */
  layout?(): BlobLayout;
  /** Reads every run that lies in files and yields a line for each that isn't as it was written; `undefined` for one that is. */
  verify?(): AsyncIterable<string | undefined>;
  close(): Promise<void>;
}

export interface BlobLayout {
  /** Where large runs are written now. */
  large: 'value-log' | 'leveldb';
  segments: number;
  /** Of the segments: what is stored, and what waits to be given back. */
  liveBytes: number;
  deadBytes: number;
}
