import { currentKey, versionKey } from './keys.js';
import type { ObjectRecord } from './records.js';
import type { CommitBuilder, Stored, Table } from './table.js';
import { NULL_VERSION, originOf } from './version-id.js';
import type { VersionPlaces } from './version-places.js';

/**
 * Puts a version with an id from elsewhere among those of its key: as the current one, as an older one in the place that its id
 * names, or, where that is taken, right behind the current one, which then moves up. The commit checks the key's current row.
 * @returns the version as it is stored
 */
export async function placeReplica(
  table: Table<ObjectRecord>,
  places: VersionPlaces,
  commit: CommitBuilder,
  at: { bucketId: Buffer; key: string; current: Stored<ObjectRecord> | undefined },
  made: ObjectRecord,
): Promise<ObjectRecord> {
  const { bucketId, key, current } = at;
  const put = (rowKey: Buffer, record: ObjectRecord): ObjectRecord => {
    commit.put(table.put(rowKey, record));
    places.put(commit, bucketId, key, record);
    return record;
  };
  const rowKey = currentKey(bucketId, key);
  if (!current) return put(rowKey, made);
  const { nullSequence, ...before } = current.record;
  const behind = versionKey(bucketId, key, before.sequence);
  if (isNewer(made, before)) {
    const nextNull = before.versionId === NULL_VERSION ? before.sequence : nullSequence;
    commit.put(table.put(behind, before));
    const sequence = Math.max(made.sequence, before.sequence + 1);
    return put(rowKey, { ...made, sequence, ...(nextNull !== undefined && { nullSequence: nextNull }) });
  }
  const ownPlace = versionKey(bucketId, key, made.sequence);
  if (made.sequence < before.sequence && !(await table.get(ownPlace))) {
    commit.expect(ownPlace, undefined);
    return put(ownPlace, made);
  }
  put(rowKey, { ...current.record, sequence: before.sequence + 1 });
  return put(behind, { ...made, sequence: before.sequence });
}

/**
 * Is `a` the newer of two versions of a key? By the sequence in their ids, so that no clock decides while one Coffer writes; where
 * two Coffers drew the same, by time, then by id: both decide alike.
 */
function isNewer(a: ObjectRecord, b: ObjectRecord): boolean {
  const [x, y] = [originOf(a), originOf(b)];
  if (x !== y) return x > y;
  if (a.lastModifiedMs !== b.lastModifiedMs) return a.lastModifiedMs > b.lastModifiedMs;
  return a.versionId > b.versionId;
}
