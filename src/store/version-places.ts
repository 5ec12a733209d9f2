import { u64 } from '../base/bytes.js';
import { versionPlaceKey } from './keys.js';
import type { MetaStore } from './ports.js';
import type { ObjectRecord } from './records.js';
import type { CommitBuilder } from './table.js';
import { sequenceOf } from './version-id.js';

/**
 * Replicas keep the version id of their source, and with it the sequence it carries. Where that place is taken here, the version
 * lies elsewhere, and a row of its own says where. The row isn't sealed: whoever follows it looks at the id in the sealed record.
 */
export class VersionPlaces {
  constructor(private readonly meta: MetaStore) {}

  async sequence(bucketId: Uint8Array, key: string, versionId: string): Promise<number | undefined> {
    const row = await this.meta.get(versionPlaceKey(bucketId, key, versionId));
    return row && Number(row.value.readBigUInt64BE());
  }

  /** The version is about to lie at its sequence. */
  put(commit: CommitBuilder, bucketId: Uint8Array, key: string, { versionId, sequence }: ObjectRecord): void {
    if (!isElsewhere(versionId, sequence)) return;
    commit.put({ key: versionPlaceKey(bucketId, key, versionId), value: u64(sequence) });
  }

  end(commit: CommitBuilder, bucketId: Uint8Array, key: string, { versionId, sequence }: ObjectRecord): void {
    if (isElsewhere(versionId, sequence)) commit.del(versionPlaceKey(bucketId, key, versionId));
  }
}

/** The null version has no place in its id. */
function isElsewhere(versionId: string, sequence: number): boolean {
  const said = sequenceOf(versionId);
  return said !== undefined && said !== sequence;
}
