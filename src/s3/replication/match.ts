import type { ObjectRecord } from '../../store/records.js';
import { isUnderKms } from '../encryption/key-target.js';
import type { Tag } from '../fields/tagging.js';
import type { Replication, ReplicationRule } from './rules.js';

/** What rules look at. */
export interface Subject {
  key: string;
  tags: readonly Tag[];
  /** How it is encrypted; undefined for a delete marker. */
  mode: string | undefined;
}

export const subjectOf = (key: string, { content }: Pick<ObjectRecord, 'content'>): Subject => ({
  key,
  tags: content?.tags ?? [],
  mode: content?.encryption.mode,
});

/**
 * The rules by which a version replicates: for each destination bucket the one of the highest priority among those that select
 * it. https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-add-config.html
 */
export function rulesFor(replication: Replication, subject: Subject): ReplicationRule[] {
  const chosen = new Map<string, ReplicationRule>();
  for (const rule of replication.rules) {
    if (!rule.enabled || !covers(rule, subject) || !selects(rule, subject)) continue;
    const other = chosen.get(rule.destination.bucketArn);
    if (!other || (rule.priority ?? 0) > (other.priority ?? 0)) chosen.set(rule.destination.bucketArn, rule);
  }
  return [...chosen.values()];
}

/** Would it replicate if it weren't under a customer's key? Such a version is refused, and said to have failed. */
export function isRefused(replication: Replication, subject: Subject): boolean {
  return subject.mode === 'SSE-C' && replication.rules.some((rule) => rule.enabled && covers(rule, subject));
}

const prefixOf = (rule: ReplicationRule): string => rule.prefix ?? rule.filter?.prefix ?? '';

function covers(rule: ReplicationRule, { key, tags }: Subject): boolean {
  if (!key.startsWith(prefixOf(rule))) return false;
  const wanted = rule.filter?.tags ?? [];
  return wanted.every(([name, value]) => tags.some((tag) => tag[0] === name && tag[1] === value));
}

function selects(rule: ReplicationRule, { mode }: Subject): boolean {
  if (mode === undefined) return rule.filter === undefined || rule.deleteMarkers === true;
  if (mode === 'SSE-C') return false;
  return !isUnderKms(mode) || rule.sseKms === true;
}
