import type { ReplicationCounts } from '../../s3/replication/counts.js';
import { StoreUnavailable } from '../../store/errors.js';
import { bucketIdOf, objectKeyOf } from '../../store/keys.js';
import { BucketGone } from '../../store/objects.js';
import type { BucketRecord, ObjectRecord, ReplicationTask, VersionReplication } from '../../store/records.js';
import type { ReplicationQueue } from '../../store/replication-queue.js';
import { CommitBuilder, type Stored } from '../../store/table.js';
import { Attempt, type AttemptParts } from './attempt.js';
import { faultOf } from './fault.js';
import { Pauses } from './pauses.js';
import { TargetRefused, TargetUnreachable } from './target.js';

const BACK_OFF_FIRST_MS = 1000;
const BACK_OFF_MAX_MS = 5 * 60_000;
/** What can't be reached for so long is given up; `coffer replication run` takes it up again. */
const GIVE_UP_DAYS = 7;

export interface WorkerParts extends AttemptParts {
  queue: ReplicationQueue;
  counts: ReplicationCounts;
  dayMs: number;
  /** A destination couldn't be served just now; it is tried again. */
  trouble(bucketArn: string, error: unknown): void;
}

/** The task, or the version, changed while it was worked on: whoever changed it wants another look. */
class Overtaken extends Error {
  override name = 'Overtaken';
}

/** What came of one pass over a task's destinations. */
interface Outcome {
  todo: ReplicationTask['todo'];
  failures: ReplicationTask['failures'];
  versionIds: Record<string, string>;
  /** A destination was asked and couldn't be served. */
  tried: boolean;
  /** When one that wasn't asked may be. */
  pausedUntilMs: number | undefined;
}

/** Works one task of the queue off, destination by destination, and says in one commit how it went. */
export class ReplicationWorker {
  readonly #pauses: Pauses;

  constructor(private readonly parts: WorkerParts) {
    this.#pauses = new Pauses(parts.services.clock);
  }

  /** @returns when to look again; undefined: it is off the queue, or was changed meanwhile */
  async work(task: Stored<ReplicationTask>): Promise<number | undefined> {
    const { services } = this.parts;
    const { bucket: name, versionId, objectId } = task.record;
    const key = objectKeyOf(task.key);
    const bucketId = bucketIdOf(task.key).toString('hex');
    const bucket = await services.buckets.get(name);
    if (bucket?.record.bucketId !== bucketId) return this.#drop(task);
    const found = await services.objects.find(bucketId, key, versionId);
    if (found?.record.objectId !== objectId) return this.#drop(task);
    const outcome = await this.#tryAll(task.record, new Attempt(this.parts, bucket, key, found.record), found.record);
    return outcome.todo.length > 0 ? this.#wait(task, outcome) : this.#finish(task, bucket, key, found.record, outcome);
  }

  async #tryAll(task: ReplicationTask, attempt: Attempt, record: ObjectRecord): Promise<Outcome> {
    const outcome: Outcome = {
      todo: [],
      failures: task.failures,
      versionIds: { ...record.replication?.versionIds, ...task.versionIds },
      tried: false,
      pausedUntilMs: undefined,
    };
    for (const todo of task.todo) {
      const { bucketArn } = todo;
      const untilMs = this.#pauses.untilMs(bucketArn);
      if (untilMs !== undefined) {
        outcome.todo = [...outcome.todo, todo];
        outcome.pausedUntilMs = Math.min(outcome.pausedUntilMs ?? Number.POSITIVE_INFINITY, untilMs);
        continue;
      }
      try {
        const id = await attempt.run(todo, outcome.versionIds[bucketArn]);
        if (id !== undefined) outcome.versionIds[bucketArn] = id;
        this.#pauses.served(bucketArn);
      } catch (error) {
        this.#note(outcome, todo, task, error, record.deleteMarker === true);
      }
    }
    return outcome;
  }

  #note(
    outcome: Outcome,
    todo: ReplicationTask['todo'][number],
    task: ReplicationTask,
    error: unknown,
    isDeletion: boolean,
  ): void {
    // The store that the queue itself lies in: nothing can be said, and nothing is lost.
    if (error instanceof StoreUnavailable) throw error;
    const { bucketArn } = todo;
    const fault = faultOf(error, isDeletion);
    const givenUp = this.parts.services.clock.now() - task.queuedMs > GIVE_UP_DAYS * this.parts.dayMs;
    if (!fault && !givenUp) {
      const ofDestination = error instanceof TargetUnreachable || error instanceof TargetRefused;
      if (ofDestination) this.#pauses.failed(bucketArn);
      this.parts.trouble(bucketArn, error);
      outcome.todo = [...outcome.todo, todo];
      outcome.tried = true;
      return;
    }
    const reason = fault?.reason ?? 'DstUnreachable';
    const detail = ((error as Error).message || reason).slice(0, 500);
    outcome.failures = [
      ...outcome.failures.filter((one) => one.bucketArn !== bucketArn),
      { bucketArn, reason, detail },
    ];
  }

  /** The commit that takes the task off the queue is the one that says how it went. */
  async #finish(
    task: Stored<ReplicationTask>,
    bucket: Stored<BucketRecord>,
    key: string,
    { versionId, objectId }: ObjectRecord,
    { failures, versionIds }: Outcome,
  ): Promise<undefined> {
    const { services, queue, counts } = this.parts;
    const id = Buffer.from(bucket.record.bucketId, 'hex');
    try {
      await services.objects.replace(
        bucket,
        key,
        versionId,
        (record) => {
          if (record.objectId !== objectId) throw new Overtaken();
          const status = statusOf(record, failures.length > 0);
          const known = Object.keys(versionIds).length > 0;
          return { ...record, replication: { status, ...(known && { versionIds }) } };
        },
        {
          stillValid: async () => {
            const now = await queue.tasks.get(task.key);
            if (!now?.revision.equals(task.revision)) throw new Overtaken();
          },
          alongside: (commit, record) => {
            commit.expect(task.key, task).del(task.key);
            const failure = { bucket: bucket.record.name, versionId, failures, failedMs: services.clock.now() };
            if (failures.length > 0) queue.fail(commit, id, key, record, failure);
            else queue.forgive(commit, id, key, record);
          },
        },
      );
    } catch (error) {
      // Whoever came between left the task in a state that the next look finds.
      if (error instanceof Overtaken || error instanceof BucketGone) return undefined;
      throw error;
    }
    for (const { reason } of failures) counts.fail(reason);
    if (failures.length === 0) counts.completed++;
    return undefined;
  }

  /** Something is left. Only an attempt counts; where a destination pauses, nothing is written. */
  async #wait(task: Stored<ReplicationTask>, outcome: Outcome): Promise<number | undefined> {
    const { record } = task;
    const pausedMs = outcome.pausedUntilMs ?? Number.POSITIVE_INFINITY;
    if (!outcome.tried && outcome.todo.length === record.todo.length) return pausedMs;
    const attempts = record.attempts + (outcome.tried ? 1 : 0);
    const nowMs = this.parts.services.clock.now();
    const backOffMs = Math.min(BACK_OFF_FIRST_MS * 2 ** (attempts - 1), BACK_OFF_MAX_MS);
    const dueMs = outcome.tried ? nowMs + backOffMs : nowMs;
    const { todo, failures, versionIds } = outcome;
    const { tasks } = this.parts.queue;
    const row = tasks.put(task.key, { ...record, todo, failures, versionIds, attempts, dueMs });
    const held = await this.parts.services.meta.commit(new CommitBuilder().expect(task.key, task).put(row).build());
    return held ? Math.max(dueMs, outcome.tried ? 0 : pausedMs) : undefined;
  }

  /** Version or bucket are gone: there is nothing to replicate any more. */
  async #drop(task: Stored<ReplicationTask>): Promise<undefined> {
    const commit = new CommitBuilder().expect(task.key, task).del(task.key).frees();
    await this.parts.services.meta.commit(commit.build());
    return undefined;
  }
}

/** A replica that hands changes on stays one. */
const statusOf = ({ replication }: ObjectRecord, failed: boolean): VersionReplication['status'] =>
  replication?.status === 'REPLICA' ? 'REPLICA' : failed ? 'FAILED' : 'COMPLETED';
