import type { EngineCounts } from './engines.js';
import type { CommitCounts } from './measured-meta.js';
import type { BlobStore, MetaStore, Range } from './ports.js';

/** Rows and blobs of one store, opened. */
export interface Store {
  /** UUID, drawn when the store was made. */
  storeId: string;
  meta: MetaStore;
  blobs: BlobStore;
  /**
   * Rewrites the files of `meta`, or those of a range, without what was overwritten or deleted before. Waits for those who read.
   * Takes as long as writing all these rows once. @throws StoreUnavailable, StoreDamaged
   */
  compactMeta(range?: Range): Promise<void>;
  /** Why writes that take room are refused; undefined: they aren't. */
  readOnly(): string | undefined;
  /** So that `readOnly` says what is so now: others fill the disk, too. */
  measureSpace(): Promise<void>;
  /** Why it can't be used just now, in words that name what is meant to whoever may read them; undefined: it can. */
  trouble(): Promise<string | undefined>;
  /** From time to time: removes what crashed processes left in the engine's own rows. */
  keep?(): Promise<void>;
  /** Of engines that several gateways share. */
  counts?(): { commits: CommitCounts; engine: EngineCounts };
  /** Waits for writes under way and leaves the databases in order. */
  close(): Promise<void>;
}
