import type { BucketRecord } from '../store/records.js';
import type { Stored } from '../store/table.js';
import { CommandError } from './errors.js';
import type { DataContext } from './ports.js';

/** The root of an account sees what is that account's; offline everything is seen. */
export function maySee({ caller }: DataContext, bucket: Stored<BucketRecord> | undefined): boolean {
  return bucket !== undefined && (!caller || bucket.record.ownerAccountId === caller.accountId);
}

/** @throws CommandError where there is none, or it is another account's */
export async function findBucket(context: DataContext, name: string): Promise<Stored<BucketRecord>> {
  const bucket = await context.data.services.buckets.get(name);
  if (bucket && maySee(context, bucket)) return bucket;
  throw new CommandError('NoSuchBucket', `there is no bucket ${JSON.stringify(name)}`, 404);
}
