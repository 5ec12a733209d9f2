import type { Batch } from '../leveldb/database.js';

/** Rows at one moment. */
export interface LogView {
  reverseRow(first: number): Promise<Buffer | undefined>;
  close(): Promise<void>;
}

/** What the value log needs of the database that holds its rows. */
export interface LogIndex {
  /** `count` numbers that were never given before. @throws StoreUnavailable */
  draw(count: number): Promise<number>;
  /**
   * Resolves when what `add` put into a batch is durable. `add` runs at once or when there is room; where it throws, nothing is written.
   * @throws what `add` throws, StoreUnavailable, OutcomeUnknown
   */
  write(add: (batch: Batch) => void): Promise<void>;
  /** Of a run, as it is now. */
  reverseRow(first: number): Promise<Buffer | undefined>;
  /** Rows as they are now, for as long as it is open. */
  view(): LogView;
  segmentRow(segment: number): Promise<Buffer | undefined>;
  /** Waits until no other change of the run is under way, and keeps others away until it is called. */
  lock(first: number): Promise<() => void>;
  /** @throws StoreUnavailable, StoreDamaged */
  requireOpen(): void;
  /** A write or a sync of a file failed. */
  poison(cause: Error): void;
}
