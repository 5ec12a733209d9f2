import {
  BLOB_BATCH_MAX_BYTES,
  BLOB_RUN_MAX_VALUES,
  BLOB_VALUE_MAX_BYTES,
  META_COMMIT_MAX_BYTES,
  META_COMMIT_MAX_OPERATIONS,
  META_KEY_MAX_BYTES,
  META_VALUE_MAX_BYTES,
} from '../base/limits.js';
import type { Check, Commit } from './ports.js';

/** Bytes of an owner of blobs, and of a revision. */
export const OWNER_BYTES = 16;
export const REVISION_BYTES = 16;

export function checkKey(key: Uint8Array): void {
  if (key.length < 1 || key.length > META_KEY_MAX_BYTES) {
    throw new RangeError(`row key of ${key.length} bytes, allowed are 1 to ${META_KEY_MAX_BYTES}`);
  }
  if (key[0] === 0) throw new RangeError('row keys that start with 00 are reserved for the engine');
}

/** @throws RangeError where the commit is beyond what every engine must take. Returns its size in bytes. */
export function checkCommit(commit: Commit): number {
  const { checks = [], puts = [], dels = [] } = commit;
  const operations = checks.length + puts.length + dels.length;
  if (operations > META_COMMIT_MAX_OPERATIONS) {
    throw new RangeError(`commit of ${operations} operations, allowed are ${META_COMMIT_MAX_OPERATIONS}`);
  }
  let bytes = 0;
  for (const check of checks) bytes += checkCheck(check);
  for (const { key, value } of puts) {
    checkKey(key);
    if (value.length > META_VALUE_MAX_BYTES) {
      throw new RangeError(`row value of ${value.length} bytes, allowed are ${META_VALUE_MAX_BYTES}`);
    }
    bytes += key.length + value.length;
  }
  for (const key of dels) {
    checkKey(key);
    bytes += key.length;
  }
  if (bytes > META_COMMIT_MAX_BYTES) {
    throw new RangeError(`commit of ${bytes} bytes, allowed are ${META_COMMIT_MAX_BYTES}`);
  }
  return bytes;
}

function checkCheck({ key, revision }: Check): number {
  checkKey(key);
  if (revision !== 'absent' && revision.length !== REVISION_BYTES) {
    throw new RangeError(`revision of ${revision.length} bytes, it has ${REVISION_BYTES}`);
  }
  return key.length;
}

export function checkOwner(owner: Uint8Array): void {
  if (owner.length !== OWNER_BYTES) throw new RangeError(`owner of ${owner.length} bytes, it has ${OWNER_BYTES}`);
}

/** `lengths`: bytes of the values. @throws RangeError. Returns the size of all in bytes. */
export function checkBlobPut(owner: Uint8Array, lengths: readonly number[]): number {
  checkOwner(owner);
  if (lengths.length === 0) throw new RangeError('a run has at least one value');
  if (lengths.length > BLOB_RUN_MAX_VALUES) {
    throw new RangeError(`run of ${lengths.length} values, allowed are ${BLOB_RUN_MAX_VALUES}`);
  }
  let bytes = 0;
  for (const length of lengths) {
    if (length > BLOB_VALUE_MAX_BYTES) {
      throw new RangeError(`blob value of ${length} bytes, allowed are ${BLOB_VALUE_MAX_BYTES}`);
    }
    bytes += length;
  }
  if (bytes > BLOB_BATCH_MAX_BYTES) throw new RangeError(`run of ${bytes} bytes, allowed are ${BLOB_BATCH_MAX_BYTES}`);
  return bytes;
}
