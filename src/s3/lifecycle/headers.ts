import type { BucketRecord, ObjectRecord, UploadRecord } from '../../store/records.js';
import { daysAfter } from '../days.js';
import { httpDate } from '../fields/http-date.js';
import type { Services } from '../services.js';
import { dueMs } from './actions.js';
import { matches, prefixOf } from './match.js';
import { LIFECYCLE, type LifecycleRule } from './rules.js';

/** `x-amz-expiration` of a current version: when it will expire, and by which rule. */
export async function expirationHeader(
  { configs, settings }: Services,
  bucket: BucketRecord,
  key: string,
  { content, lastModifiedMs }: ObjectRecord,
): Promise<string | undefined> {
  const lifecycle = await configs.read(bucket, LIFECYCLE);
  if (!lifecycle || !content) return undefined;
  const subject = { key, size: content.size, tags: content.tags ?? [] };
  const first = earliest(lifecycle.rules, (rule) => {
    const { expiration } = rule;
    if (!expiration || 'expiredDeleteMarker' in expiration || !matches(rule, subject)) return undefined;
    return dueMs(expiration, lastModifiedMs, settings.dayMs);
  });
  return first && `expiry-date="${httpDate(first.ms)}", rule-id="${inHeader(first.rule.id)}"`;
}

/** `x-amz-abort-date` and `x-amz-abort-rule-id` of an upload that a rule will abort. */
export async function abortHeaders(
  { configs, settings }: Services,
  bucket: BucketRecord,
  { key, initiatedMs }: UploadRecord,
): Promise<Record<string, string>> {
  const lifecycle = await configs.read(bucket, LIFECYCLE);
  const first = lifecycle && earliest(lifecycle.rules, (rule) => abortMs(rule, key, initiatedMs, settings.dayMs));
  if (!first) return {};
  return { 'x-amz-abort-date': httpDate(first.ms), 'x-amz-abort-rule-id': inHeader(first.rule.id) };
}

/** When the rule aborts an upload of this key, if it does. */
export function abortMs(rule: LifecycleRule, key: string, initiatedMs: number, dayMs: number): number | undefined {
  if (rule.abortDays === undefined || !key.startsWith(prefixOf(rule))) return undefined;
  return daysAfter(initiatedMs, rule.abortDays, dayMs);
}

/** Of rules that fall on one moment, the one that stands first. */
function earliest(
  rules: readonly LifecycleRule[],
  when: (rule: LifecycleRule) => number | undefined,
): { rule: LifecycleRule; ms: number } | undefined {
  let first: { rule: LifecycleRule; ms: number } | undefined;
  for (const rule of rules) {
    const ms = rule.enabled ? when(rule) : undefined;
    if (ms !== undefined && (!first || ms < first.ms)) first = { rule, ms };
  }
  return first;
}

/** As it is, blanks included, as AWS sends it; percent-encoded where a header can't carry it. */
const inHeader = (id: string): string => id.replace(/[^\x20-\x7e]+|"/gu, (some) => encodeURIComponent(some));
