import { coveringPrefixes } from '../../s3/lifecycle/match.js';
import type { LifecycleRule } from '../../s3/lifecycle/rules.js';
import { afterPrefix, escapeKey, TAG } from '../../store/keys.js';
import type { Range } from '../../store/ports.js';

/** The rows of a bucket that rules speak of, ascending, without those up to and with `after`. */
export function rangesOf(
  tag: Buffer,
  bucketId: Buffer,
  rules: readonly LifecycleRule[],
  after: Buffer | undefined,
): Range[] {
  const ranges = coveringPrefixes(rules).map((prefix) => {
    const start = Buffer.concat([tag, bucketId, escapeKey(prefix)]);
    return { gte: start, lt: afterPrefix(start) };
  });
  ranges.sort((a, b) => Buffer.compare(a.gte, b.gte));
  if (!after) return ranges;
  const from = Buffer.concat([after, Buffer.of(0)]);
  return ranges
    .filter(({ lt }) => Buffer.compare(lt, from) > 0)
    .map(({ gte, lt }) => ({ gte: Buffer.compare(gte, from) < 0 ? from : gte, lt }));
}

/** Uploads are visited when all versions are done. */
export const isUploadRow = (row: Buffer): boolean => row.subarray(0, TAG.upload.length).equals(TAG.upload);
