import type { KeyRecord } from './key-record.js';
import type { Keys } from './keys.js';
import { isThere } from './states.js';

/**
 * The region where imported material that waits for its rotation isn't imported yet, of a key that has such material: a rotation to
 * it would leave that region without a key.
 */
export async function lacksSomewhere(keys: Keys, record: KeyRecord, nowMs: number): Promise<KeyRecord | undefined> {
  const { accountId, keyId, multiRegion } = record;
  if (!multiRegion) return undefined;
  for (const place of [multiRegion.primary, ...multiRegion.replicas]) {
    const stored = await keys.parts.regions?.at(place)?.ring.read(accountId, keyId);
    const waiting = stored?.record.backingKeys.find((one) => one.pending);
    if (waiting && !isThere(waiting, nowMs)) return stored?.record;
  }
  return undefined;
}
