import { type ConfigKind, ConfigTooLarge } from '../store/bucket-configs.js';
import type { BucketRecord } from '../store/records.js';
import { S3Error } from './error.js';
import type { Facts, OperationContext } from './operation.js';

/**
 * Changes the record of the request's bucket; `change` may run again on a newer one. A bucket that was made again under the name is
 * another one, in which the caller may have no rights: to this request its own is gone.
 * @throws NoSuchBucket
 */
export async function updateBucket(
  { facts, services }: OperationContext,
  change: (record: BucketRecord) => BucketRecord,
): Promise<void> {
  const { name } = facts.bucket.record;
  const changed = await services.buckets.update(name, (record) => {
    requireSame(record, facts);
    return change(record);
  });
  if (!changed) throw gone(name);
}

/** Replaces a configuration of the request's bucket, or ends it with `undefined`. @throws NoSuchBucket, MaxMessageLengthExceeded */
export async function putBucketConfig<T>(
  { facts, services }: OperationContext,
  kind: ConfigKind<T>,
  content: T | undefined,
): Promise<void> {
  const { name } = facts.bucket.record;
  try {
    const check = (record: BucketRecord): void => requireSame(record, facts);
    if (!(await services.configs.write(name, kind, content, check))) throw gone(name);
  } catch (error) {
    if (error instanceof ConfigTooLarge) throw new S3Error('MaxMessageLengthExceeded', { cause: error });
    throw error;
  }
}

function requireSame({ bucketId, name }: BucketRecord, { bucket }: Facts): void {
  if (bucketId !== bucket.record.bucketId) throw gone(name);
}

const gone = (name: string): S3Error => new S3Error('NoSuchBucket', { extra: { BucketName: name } });
