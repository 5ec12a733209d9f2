import { randomId } from '../base/ids.js';
import type { RecordSealer } from '../seal/ports.js';
import type { Buckets } from './buckets.js';
import { bucketPolicyKey } from './keys.js';
import type { MetaStore } from './ports.js';
import { BUCKET_POLICY, type BucketPolicyRecord, type BucketRecord } from './records.js';
import { Table } from './table.js';

/**
 * The texts of bucket policies, each in a row of its own. The bucket's record has the policy's stamp, which every write draws
 * anew in the same commit: a stamp stands for one text for ever, so what is kept in memory under it is never out of date.
 */
export class BucketPolicies {
  readonly #table: Table<BucketPolicyRecord>;

  constructor(
    meta: MetaStore,
    sealer: RecordSealer,
    private readonly buckets: Buckets,
  ) {
    this.#table = new Table(meta, sealer, BUCKET_POLICY);
  }

  /** The text under this stamp; undefined where the policy was replaced or removed meanwhile. */
  async text(bucketId: string, stamp: string): Promise<string | undefined> {
    const stored = await this.#table.get(bucketPolicyKey(Buffer.from(bucketId, 'hex')));
    return stored?.record.stamp === stamp ? stored.record.text : undefined;
  }

  /** Where `bucket` was deleted meanwhile nothing is written. @returns whether it was there */
  async put(bucket: BucketRecord, text: string, options: { bindsRoot: boolean }): Promise<boolean> {
    const stamp = randomId().toString('hex');
    return this.#change(
      bucket,
      (record) => ({ ...record, policy: options.bindsRoot ? { stamp, bindsRoot: true } : { stamp } }),
      text,
    );
  }

  async remove(bucket: BucketRecord): Promise<boolean> {
    return this.#change(bucket, ({ policy: _, ...record }) => record, undefined);
  }

  async #change(
    { name, bucketId }: BucketRecord,
    change: (record: BucketRecord) => BucketRecord,
    text: string | undefined,
  ): Promise<boolean> {
    let same = true;
    const rowKey = bucketPolicyKey(Buffer.from(bucketId, 'hex'));
    const changed = await this.buckets.update(
      name,
      (record) => {
        // A bucket made again under the name is another one.
        same = record.bucketId === bucketId;
        return same ? change(record) : record;
      },
      async (commit, { policy }) => {
        if (!same) return;
        if (policy && text !== undefined) commit.put(this.#table.put(rowKey, { stamp: policy.stamp, text }));
        else commit.del(rowKey);
      },
    );
    return changed !== undefined && same;
  }
}
