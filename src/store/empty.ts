import { ALL_LEASES, afterPrefix } from './keys.js';
import type { MetaStore } from './ports.js';

/** Whether nothing was ever stored: leases are there as soon as a gateway opens the store. */
export async function isEmptyStore(meta: Pick<MetaStore, 'range'>): Promise<boolean> {
  const around = [
    { gte: Buffer.of(1), lt: ALL_LEASES },
    { gte: afterPrefix(ALL_LEASES), lt: Buffer.of(0xff) },
  ];
  for (const range of around) if ((await meta.range({ ...range, limit: 1, keysOnly: true })).length > 0) return false;
  return true;
}
