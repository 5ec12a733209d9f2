import { type ConfigKind, ConfigTooLarge } from '../store/bucket-configs.js';
import type { BucketRecord } from '../store/records.js';
import { S3Error } from './error.js';
import type { OperationContext } from './operation.js';

/** Changes the record of the request's bucket; `change` may run again on a newer one. @throws NoSuchBucket */
export async function updateBucket(
  { facts, services }: OperationContext,
  change: (record: BucketRecord) => BucketRecord,
): Promise<void> {
  const { name } = facts.bucket.record;
  if (!(await services.buckets.update(name, change))) throw gone(name);
}

/** Replaces a configuration of the request's bucket, or ends it with `undefined`. @throws NoSuchBucket, MaxMessageLengthExceeded */
export async function putBucketConfig<T>(
  { facts, services }: OperationContext,
  kind: ConfigKind<T>,
  content: T | undefined,
): Promise<void> {
  const { name } = facts.bucket.record;
  try {
    if (!(await services.configs.write(name, kind, content))) throw gone(name);
  } catch (error) {
    if (error instanceof ConfigTooLarge) throw new S3Error('MaxMessageLengthExceeded', { cause: error });
    throw error;
  }
}

const gone = (name: string): S3Error => new S3Error('NoSuchBucket', { extra: { BucketName: name } });
