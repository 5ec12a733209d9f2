import type { BucketRecord, ObjectRecord } from '../../store/records.js';
import { type OperationContext, objectArn } from '../operation.js';

/**
 * Tags that go along with a copy or a rename are read there and put here.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
 * @throws AccessDenied
 */
export function requireTagCopy(
  { require, facts }: OperationContext,
  source: { key: string; versionId?: string; record: ObjectRecord },
  sourceBucket: BucketRecord,
  key: string,
): void {
  const action = source.versionId === undefined ? 's3:GetObjectTagging' : 's3:GetObjectVersionTagging';
  const { key: sourceKey, versionId } = source;
  const toRead = { action, resource: objectArn(sourceBucket.name, sourceKey), apart: { versionId } } as const;
  require(toRead, sourceBucket, source.record);
  const bucket = facts.bucket.record;
  require({ action: 's3:PutObjectTagging', resource: objectArn(bucket.name, key) }, bucket);
}
