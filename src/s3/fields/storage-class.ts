import { S3Error } from '../error.js';
import type { Field } from '../operation.js';

/** The storage classes S3 takes in general-purpose buckets. Coffer keeps the name; all bytes lie in one place. */
const CLASSES = new Set([
  'STANDARD',
  'REDUCED_REDUNDANCY',
  'STANDARD_IA',
  'ONEZONE_IA',
  'INTELLIGENT_TIERING',
  'GLACIER',
  'DEEP_ARCHIVE',
  'GLACIER_IR',
]);

export const storageClass: Field<string> = {
  read: ({ headers }) => {
    const value = headers['x-amz-storage-class'];
    if (value === undefined) return 'STANDARD';
    if (!CLASSES.has(value)) {
      throw new S3Error('InvalidStorageClass', { extra: { StorageClassRequested: value } });
    }
    return value;
  },
};

export const isStorageClass = (name: string): boolean => CLASSES.has(name);

/** Objects of these classes can't be read before RestoreObject. */
export function isArchived(name: string): boolean {
  return name === 'GLACIER' || name === 'DEEP_ARCHIVE';
}
