import type { BucketRecord, ObjectRecord } from '../store/records.js';

/** `x-amz-version-id` of an answer about a version: only where versioning is or was on. */
export function versionHeader(bucket: BucketRecord, record: ObjectRecord): string | undefined {
  return bucket.versioning === undefined ? undefined : record.versionId;
}
