import { utf8 } from '../base/bytes.js';
import { TAG } from '../store/keys.js';
import { marker } from '../store/table.js';
import { isPrimary, type KeyRecord } from './key-record.js';
import { accountAt, HOME, type Place, placeOf } from './place.js';
import { isThere } from './states.js';

/**
 * When time changes a key next: destroys it, expires its material, or rotates it. A row per key with such a time, in the order
 * of times, so that the job looks at what is due and at nothing else. A disabled key isn't rotated; enabled again, it is overdue.
 */
export function nextTimeOf(record: KeyRecord): number | undefined {
  if (record.state === 'PendingDeletion') return record.deletionMs;
  const times = record.backingKeys.flatMap(({ wrapped, imported }) =>
    wrapped !== undefined && imported?.validToMs !== undefined ? [imported.validToMs] : [],
  );
  if (record.rotation && record.state === 'Enabled' && isPrimary(record)) times.push(record.rotation.nextMs);
  return times.length === 0 ? undefined : Math.min(...times);
}

export const ALL_TIMERS = Buffer.concat([TAG.kms, utf8('t/')]);
const hex = (ms: number): string => ms.toString(16).padStart(16, '0');

/** The row, if the key has one. */
export function timerRow(record: KeyRecord): { key: Uint8Array; value: Buffer } | undefined {
  const ms = nextTimeOf(record);
  if (ms === undefined) return undefined;
  return marker(
    Buffer.concat([ALL_TIMERS, utf8(`${hex(ms)}/${accountAt(placeOf(record), record.accountId)}/${record.keyId}`)]),
  );
}

/** Rows of times up to and including `nowMs`. */
export const dueRange = (nowMs: number): { gte: Buffer; lt: Buffer } => ({
  gte: ALL_TIMERS,
  lt: Buffer.concat([ALL_TIMERS, utf8(hex(nowMs + 1))]),
});

export function readTimerRow(key: Buffer): { place: Place; accountId: string; keyId: string } {
  // The time, the region where it isn't COFFER_REGION, the account, the key.
  const parts = key.toString('latin1', ALL_TIMERS.length).split('/');
  const [accountId, keyId] = parts.slice(-2) as [string, string];
  return { place: parts.length === 4 ? parts[1]! : HOME, accountId, keyId };
}

/** Imported material whose time is over but whose wrap still lies there. */
export const hasExpired = (record: KeyRecord, nowMs: number): boolean =>
  record.backingKeys.some((one) => one.wrapped !== undefined && !isThere(one, nowMs));
