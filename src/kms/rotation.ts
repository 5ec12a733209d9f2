import { unsupported } from './errors.js';
import type { KeyRecord } from './key-record.js';

/** Rotation periods in days. https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html */
export const ROTATION_DAYS = { min: 90, max: 2560, byDefault: 365 };
/** https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html */
export const ON_DEMAND_ROTATIONS_MAX = 25;

/** Only symmetric keys rotate, and none of a custom key store. @throws UnsupportedOperationException */
export function requireRotatable({ spec, keyStore }: KeyRecord): void {
  if (spec !== 'SYMMETRIC_DEFAULT' || keyStore) throw unsupported();
}

/** The first time after `nowMs` on the key's schedule: however many were missed, one rotation makes up for them. */
export function nextRotation(
  { periodDays, nextMs }: NonNullable<KeyRecord['rotation']>,
  nowMs: number,
  dayMs: number,
): number {
  const periodMs = periodDays * dayMs;
  return nextMs + Math.max(1, Math.ceil((nowMs + 1 - nextMs) / periodMs)) * periodMs;
}
