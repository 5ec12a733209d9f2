import type { BucketRecord, ObjectRecord } from './records.js';
import type { CommitBuilder } from './table.js';

/**
 * Decides what else is written in the commit that makes, changes or ends a version: replication is. Called again for each attempt
 * at the commit, with the bucket's record that the commit checks.
 */
export interface VersionObserver {
  /** @returns the new version as it is to be stored */
  made(commit: CommitBuilder, bucket: BucketRecord, key: string, version: ObjectRecord): Promise<ObjectRecord>;
  /** A version's record is written anew in its place. @returns it as it is to be stored */
  changed(
    commit: CommitBuilder,
    bucket: BucketRecord,
    key: string,
    before: ObjectRecord,
    after: ObjectRecord,
  ): Promise<ObjectRecord>;
  ended(commit: CommitBuilder, bucketId: Uint8Array, key: string, version: ObjectRecord): void;
  /** The commit, which it was called for or not, holds. */
  committed(commit: CommitBuilder): void;
}
