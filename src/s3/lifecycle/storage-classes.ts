import { KiB } from '../../base/limits.js';
import type { LifecycleRule, MinimumSize } from './rules.js';

/** Where a transition may lead, from warm to cold: of several that are due at once, the coldest is made. */
export const TRANSITION_CLASSES = [
  'STANDARD_IA',
  'INTELLIGENT_TIERING',
  'ONEZONE_IA',
  'GLACIER_IR',
  'GLACIER',
  'DEEP_ARCHIVE',
];

/** STANDARD, and what it was called with less redundancy, are warmer than all of them. */
export const coldness = (storageClass: string): number => TRANSITION_CLASSES.indexOf(storageClass);

/**
 * Versions only get colder, and from ONEZONE_IA not to GLACIER_IR.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
 */
export function mayTransition(from: string, to: string): boolean {
  return coldness(to) > coldness(from) && !(from === 'ONEZONE_IA' && to === 'GLACIER_IR');
}

const SMALL_BYTES = 128 * KiB;

/** Small objects stay where they are unless the rule names a size itself. */
export function isLargeEnough(rule: LifecycleRule, size: number, storageClass: string, minimum: MinimumSize): boolean {
  if (size >= SMALL_BYTES) return true;
  if (rule.filter?.sizeAbove !== undefined || rule.filter?.sizeBelow !== undefined) return true;
  return minimum === 'varies_by_storage_class' && (storageClass === 'GLACIER' || storageClass === 'DEEP_ARCHIVE');
}
