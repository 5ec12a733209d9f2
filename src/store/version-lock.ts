import type { ObjectRecord, VersionLock } from './records.js';

/** Object Lock protects the version. */
export class VersionLocked extends Error {
  override name = 'VersionLocked';
}

/** Is it under a legal hold, or under retention that this caller can't pass? */
export function isLocked(lock: VersionLock | undefined, nowMs: number, bypassGovernance: boolean): boolean {
  if (lock?.legalHold === 'ON') return true;
  return isRetained(lock, nowMs) && !(bypassGovernance && lock?.retention?.mode === 'GOVERNANCE');
}

const isRetained = (lock: VersionLock | undefined, nowMs: number): boolean => (lock?.retention?.untilMs ?? 0) > nowMs;

/** @throws VersionLocked */
export function requireUnlocked(version: ObjectRecord, nowMs: number, bypassGovernance: boolean): void {
  if (isLocked(version.content?.lock, nowMs, bypassGovernance)) throw new VersionLocked('the version is locked');
}

/**
 * Retention may be extended by anyone who may put it; shortened, removed or given another mode only by passing GOVERNANCE, and
 * never while COMPLIANCE lasts.
 * @throws VersionLocked
 */
export function requireRetentionKept(
  before: VersionLock | undefined,
  after: VersionLock | undefined,
  nowMs: number,
  bypassGovernance: boolean,
): void {
  const retention = before?.retention;
  if (!retention || retention.untilMs <= nowMs) return;
  if (bypassGovernance && retention.mode === 'GOVERNANCE') return;
  const next = after?.retention;
  if (next?.mode === retention.mode && next.untilMs >= retention.untilMs) return;
  throw new VersionLocked('the retention of the version may not be weakened');
}
