import type { Tag } from '../fields/tagging.js';
import type { LifecycleRule } from './rules.js';

/** What a filter looks at. A delete marker has no bytes and no tags. */
export interface Subject {
  key: string;
  size: number;
  tags: readonly Tag[];
}

/** Whatever form it was sent in. */
export const prefixOf = (rule: LifecycleRule): string => rule.prefix ?? rule.filter?.prefix ?? '';

export function matches(rule: LifecycleRule, { key, size, tags }: Subject): boolean {
  if (!key.startsWith(prefixOf(rule))) return false;
  const { filter } = rule;
  if (!filter) return true;
  if (filter.sizeAbove !== undefined && size <= filter.sizeAbove) return false;
  if (filter.sizeBelow !== undefined && size >= filter.sizeBelow) return false;
  return (filter.tags ?? []).every(([name, value]) => tags.some((tag) => tag[0] === name && tag[1] === value));
}

/** The prefixes that cover all rules that are on, none of which starts with another; in no order that means anything. */
export function coveringPrefixes(rules: readonly LifecycleRule[]): string[] {
  const prefixes = [...new Set(rules.filter((rule) => rule.enabled).map(prefixOf))];
  return prefixes.filter((one) => !prefixes.some((other) => other !== one && one.startsWith(other)));
}
