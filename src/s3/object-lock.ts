import type { BucketRecord, ObjectContent, VersionLock } from '../store/records.js';
import { hasDigest } from './checksum/request.js';
import { S3Error } from './error.js';
import { type OperationContext, objectArn, type Permission, type RequestFields } from './operation.js';

/** What a request that locks the version it makes must be allowed besides. */
export function lockPermissions(lock: VersionLock | undefined, bucket: string, key: string): Permission[] {
  const resource = objectArn(bucket, key);
  const needed: Permission[] = [];
  if (lock?.retention) needed.push({ action: 's3:PutObjectRetention', resource });
  if (lock?.legalHold) needed.push({ action: 's3:PutObjectLegalHold', resource });
  return needed;
}

/**
 * The lock that a new version gets: what the request names, and the bucket's default where it names no retention.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
 * @throws InvalidRequest where the bucket has no Object Lock; InvalidArgument for a date that is past
 */
export function lockOfNewVersion(
  requested: VersionLock | undefined,
  bucket: BucketRecord,
  nowMs: number,
): VersionLock | undefined {
  if (requested) requireObjectLock(bucket);
  if (requested?.retention) requireFuture(requested.retention.untilMs, nowMs, 'x-amz-object-lock-retain-until-date');
  return withDefaultRetention(requested, bucket, nowMs);
}

/** Locks a version in the step that commits it, by the bucket as the commit finds it: none slips past a default that is new. */
export function applyLock(
  content: ObjectContent,
  requested: VersionLock | undefined,
  bucket: BucketRecord,
  nowMs: number,
): void {
  const lock = withDefaultRetention(requested, bucket, nowMs);
  if (lock) content.lock = lock;
  else delete content.lock;
}

function withDefaultRetention(
  requested: VersionLock | undefined,
  bucket: BucketRecord,
  nowMs: number,
): VersionLock | undefined {
  const byDefault = bucket.objectLock?.defaultRetention;
  if (!byDefault || requested?.retention) return requested;
  const until = new Date(nowMs);
  // Real days and years, whatever COFFER_DAY_SECONDS says: a lock is no test.
  if (byDefault.years !== undefined) until.setUTCFullYear(until.getUTCFullYear() + byDefault.years);
  else until.setUTCDate(until.getUTCDate() + byDefault.days!);
  return { ...requested, retention: { mode: byDefault.mode, untilMs: until.getTime() } };
}

export function requireObjectLock(bucket: BucketRecord): void {
  if (bucket.objectLock) return;
  throw new S3Error('InvalidRequest', { message: 'Bucket is missing Object Lock Configuration' });
}

export function requireFuture(untilMs: number, nowMs: number, argument: string): void {
  if (untilMs > nowMs) return;
  throw new S3Error('InvalidArgument', {
    message: 'The retain until date must be in the future!',
    extra: { ArgumentName: argument, ArgumentValue: javaDate(untilMs) },
  });
}

/**
 * A body that is to be locked must be known to have arrived whole: that of an object, or of a part of one.
 * @throws InvalidRequest
 */
export function requireDigestOfLocked(
  requested: VersionLock | undefined,
  { objectLock }: BucketRecord,
  headers: RequestFields['headers'],
  what: 'Object' | 'Part',
): void {
  const isToBeLocked = requested !== undefined || objectLock?.defaultRetention !== undefined;
  if (!isToBeLocked || hasDigest(headers)) return;
  throw new S3Error('InvalidRequest', {
    message: `Content-MD5 OR x-amz-checksum- HTTP header is required for Put ${what} requests with Object Lock parameters`,
  });
}

/** Headers of GetObject and HeadObject, each for whom may read it. */
export function lockHeaders(
  lock: VersionLock | undefined,
  { allowed, facts }: OperationContext,
  key: string,
): Record<string, string | undefined> {
  if (!lock) return {};
  const bucket = facts.bucket.record;
  const resource = objectArn(bucket.name, key);
  const retention = lock.retention && allowed({ action: 's3:GetObjectRetention', resource }, bucket);
  const hold = lock.legalHold && allowed({ action: 's3:GetObjectLegalHold', resource }, bucket);
  return {
    'x-amz-object-lock-mode': retention ? lock.retention?.mode : undefined,
    'x-amz-object-lock-retain-until-date': retention ? new Date(lock.retention!.untilMs).toISOString() : undefined,
    'x-amz-object-lock-legal-hold': hold ? lock.legalHold : undefined,
  };
}

/** The header asks, the permission grants: without it GOVERNANCE holds as for anyone. */
export function mayBypassGovernance(context: OperationContext, key: string, asked: boolean | undefined): boolean {
  const bucket = context.facts.bucket.record;
  const permission: Permission = { action: 's3:BypassGovernanceRetention', resource: objectArn(bucket.name, key) };
  return asked === true && context.allowed(permission, bucket);
}

/** The header means something only where the bucket has Object Lock. */
export function refuseBypass(asked: boolean | undefined, bucket: BucketRecord): void {
  if (asked === undefined || bucket.objectLock) return;
  throw new S3Error('InvalidArgument', {
    message: 'x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.',
    extra: { ArgumentName: 'x-amz-bypass-governance-retention' },
  });
}

const IN_SEATTLE = new Intl.DateTimeFormat('en-US', {
  timeZone: 'America/Los_Angeles',
  weekday: 'short',
  month: 'short',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
  timeZoneName: 'short',
  year: 'numeric',
});

/** `Tue Dec 31 16:00:00 PST 2019`: how AWS's answers repeat a date. */
function javaDate(ms: number): string {
  const parts = Object.fromEntries(IN_SEATTLE.formatToParts(ms).map(({ type, value }) => [type, value]));
  const { weekday, month, day, hour, minute, second, timeZoneName, year } = parts;
  return `${weekday} ${month} ${day} ${hour}:${minute}:${second} ${timeZoneName} ${year}`;
}
