import { compareUtf8 } from '../base/order.js';
import type { Buckets } from './buckets.js';
import { keyUseBucket, keyUseSize, keyUsesOf, TAG, under } from './keys.js';
import type { MetaStore } from './ports.js';

/** Rows of one trip to the engine; requests run between two. */
const PAGE_ROWS = 1000;

export interface BucketImpact {
  /** Hex. */
  bucketId: string;
  objects: number;
  bytes: number;
}

/** Counts what lies under backing keys, from the keys of index rows alone. Is the port `KeyImpact` of `encryption/`. */
export class KeyImpacts {
  constructor(
    private readonly meta: MetaStore,
    private readonly buckets: Buckets,
  ) {}

  /**
   * Object versions and their plaintext bytes by bucket, of one snapshot: exact for the moment the count begins, however long it
   * takes and whatever is written meanwhile. @throws RangeError for what isn't 64 hexadecimal digits
   */
  async impactOf(materialIds: readonly string[]): Promise<BucketImpact[]> {
    // Ascending, each once: the cursor only goes forward, and a key named twice breaks nothing more.
    const prefixes = [...new Set(materialIds)].sort().map(prefixOf);
    const byBucket = new Map<string, BucketImpact>();
    const cursor = this.meta.cursor({ ...under(TAG.keyUse), keysOnly: true });
    try {
      for (const prefix of prefixes) {
        cursor.seek(prefix);
        await countUnder(prefix);
      }
    } finally {
      await cursor.close();
    }
    return [...byBucket.values()];

    async function countUnder(prefix: Buffer): Promise<void> {
      // Rows of one bucket lie together.
      let bucket = prefix;
      let impact: BucketImpact | undefined;
      for (;;) {
        const rows = await cursor.next(PAGE_ROWS);
        for (const { key } of rows) {
          if (!impact || !startsWith(key, bucket)) {
            if (!startsWith(key, prefix)) return;
            bucket = key.subarray(0, prefix.length + 16);
            impact = impactIn(keyUseBucket(key));
          }
          impact.objects++;
          impact.bytes += keyUseSize(key);
        }
        if (rows.length < PAGE_ROWS) return;
      }
    }

    /** One bucket may lie under several backing keys. */
    function impactIn(bucketId: string): BucketImpact {
      const impact = byBucket.get(bucketId) ?? { bucketId, objects: 0, bytes: 0 };
      byBucket.set(bucketId, impact);
      return impact;
    }
  }

  /** With names. A bucket that was emptied and deleted while its versions were counted is left out, of the sums too. */
  async of(materialIds: readonly string[]): Promise<{
    objects: number;
    bytes: number;
    buckets: { bucket: string; objects: number; bytes: number }[];
  }> {
    const impacts = await this.impactOf(materialIds);
    const names = await this.buckets.namesOf(new Set(impacts.map((one) => one.bucketId)));
    const buckets = impacts.flatMap(({ bucketId, objects, bytes }) => {
      const bucket = names.get(bucketId);
      return bucket === undefined ? [] : [{ bucket, objects, bytes }];
    });
    buckets.sort((a, b) => compareUtf8(a.bucket, b.bucket));
    return {
      objects: buckets.reduce((sum, one) => sum + one.objects, 0),
      bytes: buckets.reduce((sum, one) => sum + one.bytes, 0),
      buckets,
    };
  }
}

function prefixOf(materialId: string): Buffer {
  if (!/^[0-9a-f]{64}$/.test(materialId)) throw new RangeError('a key material id has 64 hexadecimal digits');
  return keyUsesOf(Buffer.from(materialId, 'hex'));
}

const startsWith = (key: Buffer, prefix: Buffer): boolean =>
  key.compare(prefix, 0, prefix.length, 0, prefix.length) === 0;
