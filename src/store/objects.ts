import type { Clock } from '../base/clock.js';
import { randomId } from '../base/ids.js';
import type { RecordSealer } from '../seal/ports.js';
import type { Buckets } from './buckets.js';
import { untilCommitted } from './conflict.js';
import { DeadRows } from './dead.js';
import { KeyIndex } from './key-index.js';
import { currentKey, under, versionKey, versionsPrefix } from './keys.js';
import { placeReplica } from './place-replica.js';
import type { MetaStore } from './ports.js';
import { type BucketRecord, OBJECT, type ObjectContent, type ObjectRecord, type ReplicaOrigin } from './records.js';
import { CommitBuilder, type Stored, Table } from './table.js';
import { NULL_VERSION, newVersionId, sequenceOf } from './version-id.js';
import { requireRetentionKept, requireUnlocked } from './version-lock.js';
import type { VersionObserver } from './version-observer.js';
import { VersionPlaces } from './version-places.js';

/** A version as it was read. */
export interface FoundVersion extends Stored<ObjectRecord> {
  isCurrent: boolean;
}

/** A version about to be written: the store adds version id and sequence. */
export interface NewVersion {
  objectId: string;
  ownerAccountId: string;
  content: ObjectContent;
}

export interface PutOptions {
  /**
   * Looks at the current version (a delete marker is passed as it is) and at the bucket, as the commit finds them, and throws
   * where a condition doesn't hold. May still change the new version's content. Called again after a lost race.
   */
  condition?(current: ObjectRecord | undefined, bucket: BucketRecord): void;
  /** Called before each attempt; throws where something else that the commit checks has changed for good. */
  stillValid?(): Promise<void>;
  /** Joins the commit: inline body, deletion of the intent, the upload's rows. */
  alongside?(commit: CommitBuilder): void;
}

/** A version that comes from another bucket with its id and its time; without content a delete marker. */
export type NewReplica = Omit<NewVersion, 'content'> & Partial<Pick<NewVersion, 'content'>> & ReplicaOrigin;

export interface ReplaceOptions {
  bypassGovernance?: boolean;
  /** Called before each attempt; throws where something else that the commit checks has changed for good. */
  stillValid?(): Promise<void>;
  alongside?(commit: CommitBuilder, record: ObjectRecord): void;
}

export interface RemoveOptions {
  bypassGovernance?: boolean;
  /** A delete marker that no user asked for is nothing to replicate. */
  byLifecycle?: boolean;
}

/** What a version that is to be changed or removed lies in, as the commit finds it. */
export interface Surroundings {
  bucket: BucketRecord;
  isCurrent: boolean;
}

/** What DeleteObject answers with. */
export interface Removal {
  versionId?: string;
  deleteMarker: boolean;
}

/** Of versions that are read again and again; 2,000 records take about 5 MB. */
const REMEMBERED = 2000;

/** The bucket was deleted, or deleted and made again, while the request ran. */
export class BucketGone extends Error {
  override name = 'BucketGone';
}

/** Only a bucket with versioning takes replicas. */
export class NotVersioned extends Error {
  override name = 'NotVersioned';
}

/**
 * Versions of objects. The current version of a key lies in its `c` row, the others in `v` rows, newest first; a key has a `c`
 * row as long as it has any version (a delete marker is one). Every change of a key's versions checks its `c` row, and the
 * bucket's row, in its commit: that is what makes versions, conditional writes and bucket deletion correct.
 */
export class Objects {
  readonly table: Table<ObjectRecord>;
  readonly dead: DeadRows;
  readonly #places: VersionPlaces;

  constructor(
    private readonly meta: MetaStore,
    sealer: RecordSealer,
    private readonly buckets: Buckets,
    private readonly clock: Clock,
    private readonly keyIndex = new KeyIndex(),
    private readonly observer?: VersionObserver,
  ) {
    this.table = new Table(meta, sealer, OBJECT, REMEMBERED);
    this.dead = new DeadRows(meta, sealer, clock);
    this.#places = new VersionPlaces(meta);
  }

  /** Without `versionId` the current version, which may be a delete marker. */
  async find(bucketId: string, key: string, versionId?: string): Promise<FoundVersion | undefined> {
    const id = Buffer.from(bucketId, 'hex');
    const current = await this.table.get(currentKey(id, key));
    if (!current) return undefined;
    if (versionId === undefined || current.record.versionId === versionId) return { ...current, isCurrent: true };
    const sequence = versionId === NULL_VERSION ? current.record.nullSequence : sequenceOf(versionId);
    if (sequence === undefined) return undefined;
    const other = await this.table.get(versionKey(id, key, sequence));
    if (other?.record.versionId === versionId) return { ...other, isCurrent: false };
    if (versionId === NULL_VERSION) return undefined;
    const place = await this.#places.sequence(id, key, versionId);
    const moved = place === undefined ? undefined : await this.table.get(versionKey(id, key, place));
    return moved?.record.versionId === versionId ? { ...moved, isCurrent: false } : undefined;
  }

  /** Makes a version the current one. @throws what `condition` throws; BucketGone */
  async put(
    bucket: Stored<BucketRecord>,
    key: string,
    version: NewVersion,
    options: PutOptions = {},
  ): Promise<ObjectRecord> {
    return this.#change(bucket, async (fresh, id) => {
      await options.stillValid?.();
      const rowKey = currentKey(id, key);
      const current = await this.table.get(rowKey);
      options.condition?.(current?.record, fresh.record);
      const commit = this.#commit(fresh, rowKey, current);
      const record = await this.#place(commit, fresh.record, key, current, (sequence, versionId) => ({
        ...version,
        versionId,
        sequence,
        lastModifiedMs: this.clock.now(),
      }));
      if (!record) return undefined;
      options.alongside?.(commit);
      return { commit, result: record };
    });
  }

  /**
   * Replaces a version's record in place (tags, wrapped key): version id, sequence and body stay. `undefined`: it's gone.
   * @throws VersionLocked where `change` weakens a retention that lasts
   */
  async replace(
    bucket: Stored<BucketRecord>,
    key: string,
    versionId: string | undefined,
    change: (record: ObjectRecord, around: Surroundings) => ObjectRecord,
    { bypassGovernance = false, stillValid, alongside }: ReplaceOptions = {},
  ): Promise<ObjectRecord | undefined> {
    const outcome = await this.#change<{ record: ObjectRecord | undefined }>(bucket, async (fresh, id) => {
      await stillValid?.();
      const found = await this.find(fresh.record.bucketId, key, versionId);
      if (!found) return { result: { record: undefined } };
      let record = change(found.record, { bucket: fresh.record, isCurrent: found.isCurrent });
      const [before, after] = [found.record.content?.lock, record.content?.lock];
      requireRetentionKept(before, after, this.clock.now(), bypassGovernance);
      const commit = new CommitBuilder().expect(fresh.key, fresh).expect(found.key, found);
      this.keyIndex.replace(commit, id, found.record, record);
      if (this.observer) record = await this.observer.changed(commit, fresh.record, key, found.record, record);
      alongside?.(commit, record);
      return { commit: commit.put(this.table.put(found.key, record)), result: { record } };
    });
    return outcome.record;
  }

  /**
   * DeleteObject. Without `versionId`: a delete marker where versioning is or was on, else removal.
   * @throws VersionLocked
   */
  async remove(
    bucket: Stored<BucketRecord>,
    key: string,
    versionId: string | undefined,
    ownerAccountId: string,
    condition?: (found: ObjectRecord | undefined, around: Surroundings) => void,
    { bypassGovernance = false, byLifecycle = false }: RemoveOptions = {},
  ): Promise<Removal> {
    return this.#change<Removal>(bucket, async (fresh, id) => {
      const rowKey = currentKey(id, key);
      const current = await this.table.get(rowKey);
      if (versionId !== undefined) {
        const found = current && (await this.find(fresh.record.bucketId, key, versionId));
        condition?.(found?.record, { bucket: fresh.record, isCurrent: found?.isCurrent === true });
        if (!current || !found) return { result: { versionId, deleteMarker: false } };
        const commit = this.#commit(fresh, rowKey, current).frees();
        const result = { versionId, deleteMarker: found.record.deleteMarker === true };
        await this.#drop(commit, id, key, current, found, bypassGovernance);
        return { commit, result };
      }
      condition?.(current?.record, { bucket: fresh.record, isCurrent: true });
      const commit = this.#commit(fresh, rowKey, current).frees();
      if (fresh.record.versioning === undefined) {
        if (!current) return { result: { deleteMarker: false } };
        commit.del(rowKey);
        this.#bury(commit, id, key, current.record, bypassGovernance);
        return { commit, result: { deleteMarker: false } };
      }
      const marker = (sequence: number, newId: string): ObjectRecord =>
        this.#marker({ ownerAccountId }, sequence, newId);
      const record = await this.#place(commit, fresh.record, key, current, marker, { unobserved: byLifecycle });
      return record && { commit, result: { versionId: record.versionId, deleteMarker: true } };
    });
  }

  /**
   * The current version of `from` becomes that of `to`, in one commit, with its body, its time and what `decide` makes of its
   * content. What lay under `to` is replaced as by `put`. Where versioning is or was on, a delete marker takes the version's
   * place under `from`, so that older versions don't come back; else `from` is gone.
   * @throws VersionLocked; what `decide` throws, which sees both keys as the commit finds them
   */
  async rename(
    bucket: Stored<BucketRecord>,
    from: string,
    to: string,
    decide: (source: ObjectRecord | undefined, target: ObjectRecord | undefined) => ObjectRecord,
    alongside?: (commit: CommitBuilder) => void,
  ): Promise<ObjectRecord> {
    return this.#change(bucket, async (fresh, id) => {
      const [fromKey, toKey] = [currentKey(id, from), currentKey(id, to)];
      const [source, target] = [await this.table.get(fromKey), await this.table.get(toKey)];
      const { nullSequence: _, replication: __, ...moved } = decide(source?.record, target?.record);
      if (!source) throw new RangeError('there is no version to be moved');
      requireUnlocked(source.record, this.clock.now(), false);
      const commit = this.#commit(fresh, toKey, target).expect(fromKey, source);
      const place = (sequence: number, versionId: string): ObjectRecord => ({ ...moved, sequence, versionId });
      const record = await this.#place(commit, fresh.record, to, target, place, { cameFrom: source.record });
      if (!record) return undefined;
      this.#places.end(commit, id, from, source.record);
      this.observer?.ended(commit, id, from, source.record);
      if (fresh.record.versioning === undefined) commit.del(fromKey);
      else {
        const marker = (sequence: number, versionId: string): ObjectRecord => this.#marker(moved, sequence, versionId);
        if (!(await this.#place(commit, fresh.record, from, source, marker, { old: 'moved' }))) return undefined;
      }
      alongside?.(commit);
      return { commit, result: record };
    });
  }

  /**
   * Takes a version from another bucket, under its own id and in the place that its id gives it among the others; one that is
   * there already stays as it is.
   * @throws NotVersioned; what `condition` throws
   */
  async putReplica(
    bucket: Stored<BucketRecord>,
    key: string,
    replica: NewReplica,
    options: PutOptions = {},
  ): Promise<{ record: ObjectRecord; isNew: boolean }> {
    const origin = sequenceOf(replica.versionId);
    if (origin === undefined) throw new RangeError('not the id of a version');
    return this.#change<{ record: ObjectRecord; isNew: boolean }>(bucket, async (fresh, id) => {
      if (fresh.record.versioning !== 'Enabled') throw new NotVersioned(fresh.record.name);
      await options.stillValid?.();
      const rowKey = currentKey(id, key);
      const current = await this.table.get(rowKey);
      const there = current && (await this.find(fresh.record.bucketId, key, replica.versionId));
      if (there) return { result: { record: there.record, isNew: false } };
      options.condition?.(current?.record, fresh.record);
      const { content, ...rest } = replica;
      const made: ObjectRecord = {
        ...rest,
        sequence: origin,
        replication: { status: 'REPLICA' },
        ...(content ? { content } : { deleteMarker: true }),
      };
      const commit = this.#commit(fresh, rowKey, current);
      const record = await placeReplica(this.table, this.#places, commit, { bucketId: id, key, current }, made);
      this.keyIndex.begin(commit, id, record);
      options.alongside?.(commit);
      return { commit, result: { record, isNew: true } };
    });
  }

  #marker({ ownerAccountId }: { ownerAccountId: string }, sequence: number, versionId: string): ObjectRecord {
    const objectId = randomId().toString('hex');
    return { objectId, ownerAccountId, versionId, sequence, lastModifiedMs: this.clock.now(), deleteMarker: true };
  }

  /**
   * Puts the new current version into the commit and moves or ends what it replaces: while versioning isn't on, a new null
   * version replaces the old one, also where that lies among the older versions. `undefined`: rows changed while they were read.
   */
  async #place(
    commit: CommitBuilder,
    bucket: BucketRecord,
    key: string,
    current: Stored<ObjectRecord> | undefined,
    make: (sequence: number, versionId: string) => ObjectRecord,
    /**
     * `moved`: the version that was current lives on under another key. `cameFrom`: the new one is no new version, but this one,
     * which lay under another key.
     */
    {
      old = 'replaced',
      cameFrom,
      unobserved = false,
    }: { old?: 'replaced' | 'moved'; cameFrom?: ObjectRecord; unobserved?: boolean } = {},
  ): Promise<ObjectRecord | undefined> {
    const id = Buffer.from(bucket.bucketId, 'hex');
    const sequence = (current?.record.sequence ?? 0) + 1;
    const enabled = bucket.versioning === 'Enabled';
    let record = { ...make(sequence, enabled ? newVersionId(sequence) : NULL_VERSION) };
    if (current) {
      const { nullSequence, ...before } = current.record;
      const stays = old === 'replaced';
      const wasNull = before.versionId === NULL_VERSION;
      if (stays) {
        if (enabled || !wasNull) commit.put(this.table.put(versionKey(id, key, before.sequence), before));
        else this.#bury(commit, id, key, before);
      }
      if (enabled) {
        const next = wasNull && stays ? before.sequence : nullSequence;
        if (next !== undefined) record.nullSequence = next;
      } else if (nullSequence !== undefined) {
        const rowKey = versionKey(id, key, nullSequence);
        const oldNull = await this.table.get(rowKey);
        if (!oldNull) return undefined;
        commit.expect(rowKey, oldNull).del(rowKey);
        this.#bury(commit, id, key, oldNull.record);
      }
    }
    if (this.observer && !unobserved) record = await this.observer.made(commit, bucket, key, record);
    commit.put(this.table.put(currentKey(id, key), record));
    if (cameFrom) this.keyIndex.replace(commit, id, cameFrom, record);
    else this.keyIndex.begin(commit, id, record);
    return record;
  }

  /** Removes one version for good; where it was the current one, the next older becomes current. */
  async #drop(
    commit: CommitBuilder,
    id: Buffer,
    key: string,
    current: Stored<ObjectRecord>,
    found: FoundVersion,
    bypassGovernance: boolean,
  ): Promise<void> {
    this.#bury(commit, id, key, found.record, bypassGovernance);
    if (!found.isCurrent) {
      commit.expect(found.key, found).del(found.key);
      if (found.record.versionId === NULL_VERSION) {
        const { nullSequence: _, ...record } = current.record;
        commit.put(this.table.put(current.key, record));
      }
      return;
    }
    const [next] = await this.table.range({ ...under(versionsPrefix(id, key)), limit: 1 });
    if (!next) {
      commit.del(current.key);
      return;
    }
    const record = { ...next.record };
    const nullSequence = current.record.nullSequence;
    if (nullSequence !== undefined && nullSequence !== record.sequence) record.nullSequence = nullSequence;
    commit.expect(next.key, next).del(next.key).put(this.table.put(current.key, record));
  }

  /** The one way a version ends, whoever asks for it: Object Lock holds here. @throws VersionLocked */
  #bury(commit: CommitBuilder, id: Buffer, key: string, version: ObjectRecord, bypassGovernance = false): void {
    requireUnlocked(version, this.clock.now(), bypassGovernance);
    for (const row of this.dead.ofVersion(version)) commit.put(row);
    this.keyIndex.end(commit, id, version);
    this.#places.end(commit, id, key, version);
    this.observer?.ended(commit, id, key, version);
  }

  #commit(bucket: Stored<BucketRecord>, rowKey: Buffer, current: Stored<ObjectRecord> | undefined): CommitBuilder {
    return new CommitBuilder().expect(bucket.key, bucket).expect(rowKey, current);
  }

  /** Decide and commit, again with a fresh bucket where somebody else was faster. */
  async #change<T>(
    bucket: Stored<BucketRecord>,
    decide: (bucket: Stored<BucketRecord>, id: Buffer) => Promise<{ commit?: CommitBuilder; result: T } | undefined>,
  ): Promise<T> {
    let fresh = bucket;
    const done = await untilCommitted(async () => {
      const decision = await decide(fresh, Buffer.from(fresh.record.bucketId, 'hex'));
      if (decision && (!decision.commit || (await this.meta.commit(decision.commit.build())))) {
        if (decision.commit) this.observer?.committed(decision.commit);
        return { result: decision.result };
      }
      const again = await this.buckets.get(bucket.record.name);
      if (again?.record.bucketId !== bucket.record.bucketId) throw new BucketGone(bucket.record.name);
      fresh = again;
      return undefined;
    });
    return done.result;
  }
}
