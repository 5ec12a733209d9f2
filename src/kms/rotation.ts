import { unsupported } from './errors.js';
import { isPrimary, type KeyRecord } from './key-record.js';

/** Rotation periods in days. https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html */
export const ROTATION_DAYS = { min: 90, max: 2560, byDefault: 365 };
/** https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html */
export const ON_DEMAND_ROTATIONS_MAX = 25;

/** None of a custom key store. @throws UnsupportedOperationException */
export function requireRotating({ spec, keyStore }: KeyRecord): void {
  if (spec !== 'SYMMETRIC_DEFAULT' || keyStore) throw unsupported();
}

/** Only symmetric keys rotate, and multi-Region keys by their primary. @throws UnsupportedOperationException */
export function requireRotatable(record: KeyRecord, arn: string): void {
  requireRotating(record);
  requirePrimary(record, arn);
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

/** For what changes which regions a key is in. @throws UnsupportedOperationException, in AWS's words */
export function requireMultiRegionPrimary(record: KeyRecord, arn: string): void {
  if (!record.multiRegion || !isPrimary(record)) throw unsupported(`${arn} is not a multi-region primary key.`);
}

/** @throws UnsupportedOperationException for a replica, in AWS's words */
export function requirePrimary(record: KeyRecord, arn: string): void {
  if (!isPrimary(record)) throw unsupported(`${arn} is not a multi-region primary key.`);
}
