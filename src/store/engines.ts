import type { Secret } from '../base/secret.js';
import type { BlobStore, MetaStore, Range } from './ports.js';

/** What an engine is opened with besides its URL. */
export interface EngineOptions {
  /** One line for the log: a connection that was lost, a recovery, damage. No secrets. */
  onTrouble(message: string): void;
  /** What readers of blobs are given where several gateways share them (`BlobStore.graceMs`). An engine's writes end, or fail, in half of it. */
  graceMs: number;
  /** From `COFFER_META_PASSWORD_FILE`; the URL may hold one as well. */
  password: Secret | undefined;
  /** What a database that holds no store yet is made as: the copy of the store that has this id. Default: drawn anew. */
  storeId?: string;
}

/** Rows that several gateways share, opened. */
export interface OpenedMeta {
  meta: MetaStore;
  /** UUID that was drawn when the database was made. */
  storeId: string;
  /** Blobs in the same database: `COFFER_BLOBS=postgres`. Engines that keep none don't have it. */
  blobs?: BlobStore;
  /** As `Store.compactMeta`. */
  compactMeta(range?: Range): Promise<void>;
  /** Why it can't be used just now, in one line without secrets; undefined: it can. For `/-/ready`. */
  trouble(): Promise<string | undefined>;
  /** Why writes that take room were refused last; reads and deletions go on. */
  readOnly?(): string | undefined;
  /** From time to time: removes what crashed processes left in the engine's own rows. */
  keep?(): Promise<void>;
  /** For `/-/metrics`. */
  counts?(): EngineCounts;
  /** Closes `meta`, and `blobs` with it. */
  close(): Promise<void>;
}

export interface EngineCounts {
  /** Connections of the pool. */
  connections?: { open: number; idle: number; waiting: number; max: number };
  /** What the engine tried again by itself, since it was opened: commits that came into each other's way, lost connections. */
  retries?: number;
}

/** @throws ConfigError, StoreTooNew, StoreUnavailable …, with one line that holds no secret */
export type OpenMetaEngine = (url: string, options: EngineOptions) => Promise<OpenedMeta>;

/** `storeId`: what the blobs are of; those of another store are refused. @throws as OpenMetaEngine */
export type OpenBlobEngine = (
  url: string,
  options: Omit<EngineOptions, 'storeId'> & { storeId: string },
) => Promise<BlobStore>;
