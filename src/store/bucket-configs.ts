import { randomId } from '../base/ids.js';
import { KiB, META_COMMIT_MAX_BYTES } from '../base/limits.js';
import type { RecordSealer } from '../seal/ports.js';
import type { Buckets } from './buckets.js';
import { StoreDamaged } from './errors.js';
import { bucketConfigKey, bucketConfigPrefix, under } from './keys.js';
import type { MetaStore } from './ports.js';
import { BUCKET_CONFIG, type BucketConfigPage, type BucketRecord } from './records.js';
import { type CommitBuilder, Table } from './table.js';

/** A kind of configuration: its name in rows, and the type of its content, which must survive JSON. */
export interface ConfigKind<T> {
  name: string;
  /** Holds the type. */
  content?: T;
}

/** UTF-16 code units of a page: in JSON of JSON, as UTF-8, at most 48 KB. */
const PAGE_UNITS = 16_000;
const PAGES_MAX = 60;
/** Of all pages as they are stored: leaves room in the commit for what else it holds. */
const PAGES_MAX_BYTES = META_COMMIT_MAX_BYTES - 128 * KiB;
/** What the cache holds, in UTF-16 code units of JSON. */
const CACHED_MAX_UNITS = 2_000_000;

/** It is larger than a commit can take. */
export class ConfigTooLarge extends Error {
  override name = 'ConfigTooLarge';
}

/**
 * Configurations of buckets that may be large (CORS, tags, lifecycle) lie in rows of their own, so that the bucket's record,
 * which every request reads, stays small. The record names the ones that exist, with a stamp that is drawn anew by every write:
 * what is cached under a stamp never changes, so the cache needs no invalidation, also where another process writes.
 */
export class BucketConfigs {
  readonly #table: Table<BucketConfigPage>;
  readonly #cache = new Map<string, { content: unknown; units: number }>();
  #cachedUnits = 0;

  constructor(
    meta: MetaStore,
    sealer: RecordSealer,
    private readonly buckets: Buckets,
  ) {
    this.#table = new Table(meta, sealer, BUCKET_CONFIG);
  }

  /** Costs nothing where the bucket has no such configuration. Treat the answer as frozen: others get the same one. */
  async read<T>(bucket: BucketRecord, kind: ConfigKind<T>): Promise<T | undefined> {
    const stamp = bucket.configs?.[kind.name];
    if (stamp === undefined) return undefined;
    const cached = this.#cache.get(stamp);
    if (cached) return cached.content as T;
    const id = Buffer.from(bucket.bucketId, 'hex');
    const pages = await this.#table.range({ ...under(bucketConfigPrefix(id, kind.name)), limit: PAGES_MAX });
    const first = pages[0]?.record;
    if (first?.stamp !== stamp) return this.#readChanged(bucket, kind, stamp);
    const json = pages.map((page) => page.record.json).join('');
    const content = JSON.parse(json) as T;
    this.#keep(stamp, content, json.length);
    return content;
  }

  /**
   * Replaces a configuration, or ends it with `undefined`. `check` sees the bucket's record as it is in the commit, and throws
   * where it must not be. `undefined`: the bucket is gone.
   * @throws ConfigTooLarge
   */
  async write<T>(
    bucketName: string,
    kind: ConfigKind<T>,
    content: T | undefined,
    check?: (record: BucketRecord) => void,
  ): Promise<BucketRecord | undefined> {
    const stamp = randomId().toString('hex');
    const pages = content === undefined ? [] : split(JSON.stringify(content));
    return this.buckets.update(
      bucketName,
      (record) => {
        check?.(record);
        const { [kind.name]: _, ...others } = record.configs ?? {};
        return { ...record, configs: content === undefined ? others : { ...others, [kind.name]: stamp } };
      },
      async (commit, record) => {
        this.#putPages(commit, record, kind.name, stamp, pages);
        const id = Buffer.from(record.bucketId, 'hex');
        const old = await this.#table.range({ ...under(bucketConfigPrefix(id, kind.name)), limit: PAGES_MAX });
        for (const page of old.slice(pages.length)) commit.del(page.key);
      },
    );
  }

  /** A configuration that a bucket is made with. @throws ConfigTooLarge */
  prepare<T>(
    record: BucketRecord,
    kind: ConfigKind<T>,
    content: T,
  ): { record: BucketRecord; alongside(commit: CommitBuilder): void } {
    const stamp = randomId().toString('hex');
    const pages = split(JSON.stringify(content));
    return {
      record: { ...record, configs: { ...record.configs, [kind.name]: stamp } },
      alongside: (commit) => this.#putPages(commit, record, kind.name, stamp, pages),
    };
  }

  #putPages(commit: CommitBuilder, bucket: BucketRecord, name: string, stamp: string, pages: readonly string[]): void {
    const id = Buffer.from(bucket.bucketId, 'hex');
    pages.forEach((json, i) => void commit.put(this.#table.put(bucketConfigKey(id, name, i), { stamp, json })));
  }

  /** The configuration was written after the bucket's record was read: what is there now counts. */
  async #readChanged<T>(bucket: BucketRecord, kind: ConfigKind<T>, stamp: string): Promise<T | undefined> {
    const fresh = await this.buckets.get(bucket.name);
    if (fresh?.record.bucketId !== bucket.bucketId) return undefined;
    if (fresh.record.configs?.[kind.name] === stamp) {
      throw new StoreDamaged(`the ${kind.name} configuration of bucket ${bucket.name} is missing`);
    }
    return this.read(fresh.record, kind);
  }

  #keep(stamp: string, content: unknown, units: number): void {
    if (this.#cache.has(stamp)) return;
    this.#cache.set(stamp, { content, units });
    this.#cachedUnits += units;
    for (const [oldest, entry] of this.#cache) {
      if (this.#cachedUnits <= CACHED_MAX_UNITS) return;
      this.#cache.delete(oldest);
      this.#cachedUnits -= entry.units;
    }
  }
}

function split(json: string): string[] {
  const pages: string[] = [];
  for (let i = 0; i < json.length; i += PAGE_UNITS) pages.push(json.slice(i, i + PAGE_UNITS));
  const bytes = pages.reduce((sum, page) => sum + Buffer.byteLength(JSON.stringify(page)), 0);
  if (pages.length > PAGES_MAX || bytes > PAGES_MAX_BYTES)
    throw new ConfigTooLarge(`a configuration of ${json.length} characters`);
  return pages;
}
