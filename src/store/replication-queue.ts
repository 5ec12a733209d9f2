import type { RecordSealer } from '../seal/ports.js';
import { objectKeyOf, replicationFailureKey, replicationTaskKey, TAG, under } from './keys.js';
import type { MetaStore } from './ports.js';
import {
  type ObjectRecord,
  REPLICATION_FAILURE,
  REPLICATION_TASK,
  type ReplicationFailure,
  type ReplicationTask,
} from './records.js';
import { type CommitBuilder, type Stored, Table } from './table.js';
import { originOf } from './version-id.js';

/**
 * Versions that are still to be replicated, and those that couldn't be. Rows are written and deleted in the commits that make,
 * change and end their versions, and in those that say how replication went: none is lost or doubled by a crash.
 */
export class ReplicationQueue {
  readonly tasks: Table<ReplicationTask>;
  readonly failures: Table<ReplicationFailure>;

  constructor(
    private readonly meta: MetaStore,
    sealer: RecordSealer,
  ) {
    this.tasks = new Table(meta, sealer, REPLICATION_TASK);
    this.failures = new Table(meta, sealer, REPLICATION_FAILURE);
  }

  async find(bucketId: Uint8Array, key: string, version: ObjectRecord): Promise<Stored<ReplicationTask> | undefined> {
    return this.tasks.get(replicationTaskKey(bucketId, key, originOf(version)));
  }

  /** `before`: the row as it was read; the commit fails where it changed. @returns the row's key */
  put(
    commit: CommitBuilder,
    bucketId: Uint8Array,
    key: string,
    version: ObjectRecord,
    task: ReplicationTask,
    before: Stored<ReplicationTask> | undefined,
  ): Buffer {
    const rowKey = replicationTaskKey(bucketId, key, originOf(version));
    commit.expect(rowKey, before).put(this.tasks.put(rowKey, task));
    return rowKey;
  }

  fail(
    commit: CommitBuilder,
    bucketId: Uint8Array,
    key: string,
    version: ObjectRecord,
    failure: ReplicationFailure,
  ): void {
    commit.put(this.failures.put(replicationFailureKey(bucketId, key, originOf(version)), failure));
  }

  forgive(commit: CommitBuilder, bucketId: Uint8Array, key: string, version: ObjectRecord): void {
    commit.del(replicationFailureKey(bucketId, key, originOf(version)));
  }

  /** With the version go its rows. */
  end(commit: CommitBuilder, bucketId: Uint8Array, key: string, version: ObjectRecord): void {
    const status = version.replication?.status;
    if (status === 'PENDING' || status === 'REPLICA') commit.del(replicationTaskKey(bucketId, key, originOf(version)));
    if (status === 'FAILED' || status === 'PENDING') this.forgive(commit, bucketId, key, version);
  }

  /** Tasks in the order of their keys, and of a key's versions. */
  scan(): AsyncGenerator<Stored<ReplicationTask>> {
    return this.tasks.scan(under(TAG.replicationTask), 200);
  }

  /** How many there are, of one bucket or all. */
  async count(bucketId: Uint8Array = Buffer.alloc(0)): Promise<number> {
    const range = under(Buffer.concat([TAG.replicationTask, bucketId]));
    let { gte } = range;
    for (let count = 0; ; ) {
      const rows = await this.meta.range({ gte, lt: range.lt, limit: 1000, keysOnly: true });
      count += rows.length;
      if (rows.length < 1000) return count;
      gte = Buffer.concat([rows.at(-1)!.key, Buffer.of(0)]);
    }
  }

  async *failed(bucketId: Uint8Array = Buffer.alloc(0)): AsyncGenerator<{ key: string; failure: ReplicationFailure }> {
    const range = under(Buffer.concat([TAG.replicationFailure, bucketId]));
    for await (const { key, record } of this.failures.scan(range)) yield { key: objectKeyOf(key), failure: record };
  }
}
