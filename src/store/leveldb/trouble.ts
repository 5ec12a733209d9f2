import { StoreDamaged } from '../errors.js';
import type { MetaStore } from '../ports.js';

/** Why rows can't be read just now. No more than that: whoever reaches the port reads it. */
export async function troubleOf(meta: Pick<MetaStore, 'get'>): Promise<string | undefined> {
  try {
    await meta.get(ABSENT_KEY);
    return undefined;
  } catch (error) {
    return error instanceof StoreDamaged ? 'the store is damaged' : 'the store is not available';
  }
}

/** A row that is never written. */
const ABSENT_KEY = Buffer.of(0xfe);
