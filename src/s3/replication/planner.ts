import type { Clock } from '../../base/clock.js';
import type { BucketConfigs } from '../../store/bucket-configs.js';
import type { BucketRecord, ObjectContent, ObjectRecord, ReplicationTask } from '../../store/records.js';
import type { ReplicationQueue } from '../../store/replication-queue.js';
import type { CommitBuilder } from '../../store/table.js';
import type { VersionObserver } from '../../store/version-observer.js';
import type { ReplicationCounts } from './counts.js';
import { isRefused, rulesFor, subjectOf } from './match.js';
import { REPLICATION, type Replication, type ReplicationRule } from './rules.js';

/** A customer's key is never kept, so what lies under it can't be replicated, and its ciphertext is nothing to hand on. */
export const SSE_C_REFUSED = 'SseCustomerKeyNotReplicable';

/**
 * Writes what is to be replicated into the commit that makes it so: with a new version, with a change of its tags or lock, and
 * where a version whose status was set to PENDING asks for it. The bucket's record is the one the commit checks, so a
 * configuration holds from the very commit that put it.
 */
export class ReplicationPlanner implements VersionObserver {
  /** Rows of tasks. */
  readonly #planned = new WeakMap<CommitBuilder, Buffer>();

  /** `tell`: there is a task in this row, and it is committed. */
  constructor(
    private readonly queue: ReplicationQueue,
    private readonly configs: Pick<BucketConfigs, 'read'>,
    private readonly clock: Clock,
    private readonly counts: ReplicationCounts,
    private readonly tell: (rowKey: Buffer) => void,
  ) {}

  async made(commit: CommitBuilder, bucket: BucketRecord, key: string, version: ObjectRecord): Promise<ObjectRecord> {
    const replication = await this.#configuration(bucket);
    return replication ? this.#plan(commit, bucket, key, version, replication) : version;
  }

  async changed(
    commit: CommitBuilder,
    bucket: BucketRecord,
    key: string,
    before: ObjectRecord,
    after: ObjectRecord,
  ): Promise<ObjectRecord> {
    const status = after.replication?.status;
    if (status === undefined) return after;
    const asked = status === 'PENDING' && before.replication?.status !== 'PENDING';
    if (!asked && !travels(before.content, after.content)) return after;
    const replication = await this.#configuration(bucket);
    if (!asked) return replication ? this.#planChanges(commit, bucket, key, after, replication) : after;
    const { replication: _, ...rest } = after;
    const kept = before.replication ? { ...rest, replication: before.replication } : rest;
    return replication ? this.#plan(commit, bucket, key, kept, replication) : kept;
  }

  ended(commit: CommitBuilder, bucketId: Uint8Array, key: string, version: ObjectRecord): void {
    this.queue.end(commit, bucketId, key, version);
  }

  committed(commit: CommitBuilder): void {
    const rowKey = this.#planned.get(commit);
    if (rowKey) this.tell(rowKey);
  }

  async #configuration(bucket: BucketRecord): Promise<Replication | undefined> {
    return bucket.versioning === 'Enabled' ? this.configs.read(bucket, REPLICATION) : undefined;
  }

  async #plan(
    commit: CommitBuilder,
    bucket: BucketRecord,
    key: string,
    version: ObjectRecord,
    replication: Replication,
  ): Promise<ObjectRecord> {
    const id = Buffer.from(bucket.bucketId, 'hex');
    const subject = subjectOf(key, version);
    if (isRefused(replication, subject)) {
      this.queue.fail(commit, id, key, version, {
        bucket: bucket.name,
        versionId: version.versionId,
        failures: [{ bucketArn: '', reason: SSE_C_REFUSED, detail: 'it lies under a key of its customer (SSE-C)' }],
        failedMs: this.clock.now(),
      });
      this.counts.fail(SSE_C_REFUSED);
      return { ...version, replication: { status: 'FAILED' } };
    }
    const rules = rulesFor(replication, subject);
    if (rules.length === 0) return version;
    const before = await this.queue.find(id, key, version);
    const todo = rules.map((rule) => ({ ...named(rule), what: 'version' as const }));
    this.#put(commit, bucket, key, version, todo, before);
    return { ...version, replication: { ...version.replication, status: 'PENDING' } };
  }

  /** Of a version that was replicated, or is about to be. Replicas hand their changes on only where a rule says so. */
  async #planChanges(
    commit: CommitBuilder,
    bucket: BucketRecord,
    key: string,
    version: ObjectRecord,
    replication: Replication,
  ): Promise<ObjectRecord> {
    const { status } = version.replication!;
    if (status === 'FAILED') return version;
    const isReplica = status === 'REPLICA';
    const rules = rulesFor(replication, subjectOf(key, version)).filter(
      (one) => !isReplica || one.replicaModifications,
    );
    const before = await this.queue.find(Buffer.from(bucket.bucketId, 'hex'), key, version);
    // What still waits for the version itself gets the change with it.
    const waiting = before?.record.todo ?? [];
    const added = rules
      .filter((rule) => !waiting.some((one) => one.bucketArn === rule.destination.bucketArn))
      .map((rule) => ({ ...named(rule), what: 'changes' as const }));
    const todo = [...waiting, ...added];
    if (todo.length === 0) return version;
    // Written also where nothing is added: whoever is at it now must look again.
    this.#put(commit, bucket, key, version, todo, before);
    return isReplica ? version : { ...version, replication: { ...version.replication!, status: 'PENDING' } };
  }

  #put(
    commit: CommitBuilder,
    bucket: BucketRecord,
    key: string,
    version: ObjectRecord,
    todo: ReplicationTask['todo'],
    before: Awaited<ReturnType<ReplicationQueue['find']>>,
  ): void {
    const nowMs = this.clock.now();
    const task: ReplicationTask = {
      bucket: bucket.name,
      versionId: version.versionId,
      objectId: version.objectId,
      todo,
      failures: before?.record.failures ?? [],
      queuedMs: nowMs,
      attempts: 0,
      dueMs: nowMs,
    };
    const id = Buffer.from(bucket.bucketId, 'hex');
    this.#planned.set(commit, this.queue.put(commit, id, key, version, task, before));
  }
}

const named = ({ id, destination }: ReplicationRule): { ruleId: string; bucketArn: string } => ({
  ruleId: id,
  bucketArn: destination.bucketArn,
});

/** Does a change of the record concern the replicas? */
function travels(before: ObjectContent | undefined, after: ObjectContent | undefined): boolean {
  const relevant = (content: ObjectContent | undefined): string =>
    JSON.stringify([content?.tags ?? [], content?.acl, content?.lock]);
  return relevant(before) !== relevant(after);
}
