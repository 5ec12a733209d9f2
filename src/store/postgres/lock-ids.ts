import { createHash } from 'node:crypto';

/**
 * The advisory lock of a row: 63 bits of SHA-256 over the store's id and the key, shifted left by one, so that the lowest bit can
 * say how it is taken. Every gateway must come to the same number: another rule is another version of the store. Two keys with
 * one number wait for each other and lose nothing.
 */
export function lockId(storeId: Buffer, key: Uint8Array): bigint {
  return createHash('sha256').update(storeId).update(key).digest().readBigInt64BE(0) & ~1n;
}

/** Ascending, so that no two commits wait for each other in a circle. The lowest bit is set where a row is written. */
export function sortedLocks(locks: Map<bigint, boolean>): bigint[] {
  const ids = [...locks].map(([id, writes]) => (writes ? id | 1n : id));
  return ids.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}
