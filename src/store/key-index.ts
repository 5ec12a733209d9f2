import { keyUseKey } from './keys.js';
import type { ObjectRecord, WrappedKey } from './records.js';
import { type CommitBuilder, marker } from './table.js';

/** The backing key that a data key lies under, 64 hex; undefined where there is none or it can't be told. A pure function of the wrap. */
export type MaterialIdOf = (wrap: WrappedKey) => string | undefined;

const MATERIAL_ID = /^[0-9a-f]{64}$/;

/**
 * The index from backing keys to the object versions under them. It is exact since its rows are written and deleted in the very
 * commits that make and end versions: whoever puts a version's record calls `begin`, whoever ends a version calls `end`, and
 * whoever writes it anew, in its place or under another key, `replace`. Moving a record between its `c` and `v` row touches nothing
 * here.
 */
export class KeyIndex {
  constructor(private readonly materialIdOf: MaterialIdOf = (wrap) => wrap.keyMaterialId) {}

  begin(commit: CommitBuilder, bucketId: Uint8Array, version: ObjectRecord): void {
    const row = this.rowOf(bucketId, version);
    if (row) commit.put(marker(row));
  }

  end(commit: CommitBuilder, bucketId: Uint8Array, version: ObjectRecord): void {
    const row = this.rowOf(bucketId, version);
    if (row) commit.del(row);
  }

  /** A version's record is written anew in its place. */
  replace(commit: CommitBuilder, bucketId: Uint8Array, before: ObjectRecord, after: ObjectRecord): void {
    const old = this.rowOf(bucketId, before);
    const now = this.rowOf(bucketId, after);
    // In one commit a deletion would win over the same row's put.
    if (old && now?.equals(old)) return;
    if (old) commit.del(old);
    if (now) commit.put(marker(now));
  }

  /** Undefined for delete markers and for what lies under no backing key that is known. */
  rowOf(bucketId: Uint8Array, { objectId, content }: ObjectRecord): Buffer | undefined {
    const materialId = content && this.materialIdOf(content.encryption);
    if (materialId === undefined || !MATERIAL_ID.test(materialId)) return undefined;
    return keyUseKey(Buffer.from(materialId, 'hex'), bucketId, Buffer.from(objectId, 'hex'), content!.size);
  }
}
