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

/** A run of `count` values. `first` is the engine's: no two runs of one owner have it in common, and it says nothing else to anybody. */
export interface Run {
  first: number;
  count: number;
}

/** A run of an owner: what a crash left behind, or what a scrubber meets. */
export interface OwnedRun {
  owner: Buffer;
  run: Run;
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

/**
 * What is read through it stays until `close`, or until it keeps back too much. Engines that others write to can't freeze a view:
 * there the sweeper lets what is dead lie for a while (`BlobStore.graceMs`), and a reader that takes longer meets BlobMissing. Other
 * bytes than those that were put are never read.
 */
export interface BlobSnapshot {
  /**
   * Values `from` to `from + count - 1` of a run, counted from 0, in order.
   * @throws BlobMissing where one of them isn't there, SnapshotExpired where it was deleted and the view given up
   */
  read(owner: Uint8Array, run: Run, from: number, count: number): Promise<Buffer[]>;
  /**
   * Where the same values lie, for whoever reads them without the engine; undefined where not all of them lie in files. Nothing
   * is verified: the body's own authentication does that. Engines without files don't have it. @throws BlobMissing
   */
  extents?(owner: Uint8Array, run: Run, from: number, count: number): Promise<HeldExtents | undefined>;
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
   * Durable when it resolves, with the reverse row. The run is of those that a `mark` read before leads to.
   * @param crc32c of the bytes written, from `crc32c` of @node-rs/crc32
   * @throws StoreUnavailable surely not applied, OutcomeUnknown may be; either way nothing is left to abandon
   */
  commit(crc32c: number): Promise<Run>;
  /** The room stays unused until the file goes. Never throws. */
  abandon(): Promise<void>;
}

export interface BlobStore {
  /**
   * How long the sweeper lets lie what became unreachable, for those who still read it. 0 where snapshots keep it (one process);
   * where several read, longer than any answer takes.
   */
  readonly graceMs: number;
  /**
   * Stores the values as one run, all or nothing, durable when it resolves, under its owner (16 bytes: the part id, drawn anew for
   * every attempt to store a body, and put under by one process alone, one run after the other). Write-once: what a run names is
   * never anything else.
   * @param at how many values the owner's runs before this one have: engines without numbers of their own name the run by it
   * @throws StoreUnavailable surely not stored; PutInDoubt, which is one, and OutcomeUnknown may be. The former names the run, the
   * latter's is found by `left` as long as the intent is there
   */
  put(owner: Uint8Array, values: Buffer[], at: number): Promise<Run>;
  /**
   * Room for a run of values of these lengths, for whoever writes them without the engine; the limits of `put` hold. Engines
   * that keep no bytes in files don't have it. @throws StoreUnavailable as `put`
   */
  reserve?(owner: Uint8Array, lengths: number[]): Promise<Reservation>;
  snapshot(): BlobSnapshot;
  /**
   * Idempotent. A run of another owner, or of another length, is left alone; an engine that can tell says so. @throws OwnerMismatch
   */
  delete(owner: Uint8Array, runs: Run[]): Promise<void>;
  /**
   * Kept with the intent to put under an owner, read before the first `put`, and given back to `left`: where to begin to look. Says
   * nothing to others than this store; an engine that finds an owner's runs without it says 0.
   */
  mark(): number;
  /**
   * Every run that these owners have put and that wasn't deleted: what a crash left behind. Nobody puts under them any more,
   * and what was on its way to the engine has arrived or has failed (`graceMs` has passed since). Who deletes them does so in this
   * order: then one who is cut short finds the others again.
   * @param mark the smallest of those kept for these owners
   */
  left(owners: readonly Uint8Array[], mark: number): AsyncIterable<OwnedRun>;
  /** Every stored run, in any order: for scrubbing and copies. */
  list(): AsyncIterable<OwnedRun>;
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
