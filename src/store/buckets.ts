import { META_COMMIT_MAX_OPERATIONS } from '../base/limits.js';
import type { RecordSealer } from '../seal/ports.js';
import { afterPrefix, bucketKey, bucketOfAccountKey, bucketPolicyKey, TAG, under } from './keys.js';
import type { Leases } from './leases.js';
import type { MetaStore } from './ports.js';
import { BUCKET, type BucketRecord } from './records.js';
import { CommitBuilder, marker, type Stored, Table } from './table.js';

/** Every request reads one. */
const REMEMBERED = 1000;

/** Buckets by name, with an index by owner. A name belongs to one account, whatever its owner. */
export class Buckets {
  readonly #table: Table<BucketRecord>;

  constructor(
    private readonly meta: MetaStore,
    sealer: RecordSealer,
    /** Absent: no other gateway could have begun a deletion. */
    private readonly leases?: Leases,
  ) {
    this.#table = new Table(meta, sealer, BUCKET, REMEMBERED);
  }

  /** A bucket that is being deleted counts as gone. */
  async get(name: string): Promise<Stored<BucketRecord> | undefined> {
    const stored = await this.#table.get(bucketKey(name));
    return stored?.record.deleting ? undefined : stored;
  }

  /** `false`: the name is taken. `alongside` joins the commit. */
  async create(record: BucketRecord, alongside?: (commit: CommitBuilder) => void): Promise<boolean> {
    const key = bucketKey(record.name);
    const commit = new CommitBuilder()
      .expect(key, undefined)
      .put(this.#table.put(key, record))
      .put(marker(bucketOfAccountKey(record.ownerAccountId, record.name)));
    alongside?.(commit);
    return this.meta.commit(commit.build());
  }

  /**
   * Changes a bucket's record; the change may be tried again on a newer one. `undefined`: there is no such bucket any more.
   * `alongside` joins the commit.
   */
  async update(
    name: string,
    change: (record: BucketRecord) => BucketRecord,
    alongside?: (commit: CommitBuilder, record: BucketRecord) => Promise<void>,
  ): Promise<BucketRecord | undefined> {
    for (;;) {
      const stored = await this.get(name);
      if (!stored) return undefined;
      const record = change(stored.record);
      const commit = new CommitBuilder().expect(stored.key, stored).put(this.#table.put(stored.key, record));
      await alongside?.(commit, record);
      if (await this.meta.commit(commit.build())) return record;
    }
  }

  /**
   * Deletes an empty bucket. Writers check the bucket's revision in their own commits, so marking it first makes every write
   * that is under way start over and find no bucket; after that, empty stays empty. `before` then ends what else
   * belongs to the bucket. Where that fails the mark is taken away again: a marked bucket is out of everybody's reach.
   */
  async remove(
    bucket: Pick<BucketRecord, 'name' | 'bucketId'>,
    before: (bucket: BucketRecord) => Promise<void>,
  ): Promise<'removed' | 'absent' | 'notEmpty'> {
    try {
      return await this.#remove(bucket, before);
    } catch (error) {
      // A store that fails this too leaves it to the next start.
      await this.#unmark(bucket.name).catch(() => {});
      throw error;
    }
  }

  /** Whose deletion a mark is. */
  get #by(): true | string {
    return this.leases && this.meta.shared ? this.leases.gateway.id.toString('hex') : true;
  }

  async #remove(
    { name, bucketId }: Pick<BucketRecord, 'name' | 'bucketId'>,
    before: (bucket: BucketRecord) => Promise<void>,
  ): Promise<'removed' | 'absent' | 'notEmpty'> {
    // A bucket made again under the name is another one.
    const marked = await this.update(
      name,
      (record) => (record.bucketId === bucketId ? { ...record, deleting: this.#by } : record),
      async (commit) => void commit.frees(),
    );
    if (!marked?.deleting) return 'absent';
    const key = bucketKey(name);
    // What was found empty is this one: had it been without the mark in between, it might not be any more.
    const stored = await this.#table.get(key);
    if (!stored?.record.deleting) return 'absent';
    if (!(await this.#isEmpty(marked))) {
      await this.#unmark(name);
      return 'notEmpty';
    }
    await before(marked);
    const commit = new CommitBuilder()
      .expect(key, stored)
      .del(key)
      .del(bucketOfAccountKey(marked.ownerAccountId, name));
    if (stored.record.policy) commit.del(bucketPolicyKey(Buffer.from(marked.bucketId, 'hex')));
    // Nobody writes a configuration into a bucket that is marked.
    const configs = under(Buffer.concat([TAG.bucketConfig, Buffer.from(marked.bucketId, 'hex')]));
    const pages = await this.meta.range({ ...configs, limit: META_COMMIT_MAX_OPERATIONS, keysOnly: true });
    for (const page of pages) commit.del(page.key);
    return (await this.meta.commit(commit.build())) ? 'removed' : 'absent';
  }

  /** Deletions of gateways that have ended are undone (the bucket is as it was; nobody was told otherwise). */
  async recover(leases: Leases): Promise<void> {
    for await (const { record } of this.#table.scan(under(TAG.bucket))) {
      const by = record.deleting;
      if (by === undefined) continue;
      if (by === true || (await leases.hasEnded(Buffer.from(by, 'hex')))) await this.#unmark(record.name);
    }
  }

  /** Names of the buckets with these ids; those that are gone are left out, those that are being deleted aren't gone yet. */
  async namesOf(bucketIds: ReadonlySet<string>): Promise<Map<string, string>> {
    const names = new Map<string, string>();
    if (bucketIds.size === 0) return names;
    for await (const { record } of this.#table.scan(under(TAG.bucket))) {
      if (bucketIds.has(record.bucketId)) names.set(record.bucketId, record.name);
      if (names.size === bucketIds.size) break;
    }
    return names;
  }

  /** Every bucket by name, from `from` on; those that are being deleted are left out. */
  async *all(from = ''): AsyncGenerator<Stored<BucketRecord>> {
    for await (const stored of this.#table.scan({ gte: bucketKey(from), lt: afterPrefix(TAG.bucket) }, 100)) {
      if (!stored.record.deleting) yield stored;
    }
  }

  /** Names in byte order, after `after`, that start with `prefix`. */
  async listOfAccount(
    accountId: string,
    query: { after?: string; prefix?: string; limit: number },
  ): Promise<BucketRecord[]> {
    const start = bucketOfAccountKey(accountId, query.prefix ?? '');
    let gte = start;
    if (query.after !== undefined) {
      const behind = Buffer.concat([bucketOfAccountKey(accountId, query.after), Buffer.of(0)]);
      if (Buffer.compare(behind, start) > 0) gte = behind;
    }
    const nameStart = bucketOfAccountKey(accountId, '').length;
    const rows = await this.meta.range({ gte, lt: afterPrefix(start), limit: query.limit, keysOnly: true });
    const stored = await this.#table.getMany(rows.map((row) => bucketKey(row.key.toString('utf8', nameStart))));
    return stored.flatMap((one) => (one && !one.record.deleting ? [one.record] : []));
  }

  async #isEmpty(bucket: BucketRecord): Promise<boolean> {
    const id = Buffer.from(bucket.bucketId, 'hex');
    for (const tag of [TAG.current, TAG.version]) {
      const rows = await this.meta.range({ ...under(Buffer.concat([tag, id])), limit: 1, keysOnly: true });
      if (rows.length > 0) return false;
    }
    return true;
  }

  async #unmark(name: string): Promise<void> {
    for (;;) {
      const stored = await this.#table.get(bucketKey(name));
      if (!stored?.record.deleting) return;
      const { deleting: _, ...record } = stored.record;
      const row = this.#table.put(stored.key, record);
      if (await this.meta.commit(new CommitBuilder().expect(stored.key, stored).put(row).frees().build())) return;
    }
  }
}
