import type { ObjectContent } from '../store/records.js';
import { httpDate } from './fields/http-date.js';
import { isArchived } from './fields/storage-class.js';

/** Can its body not be read now? Archived, and not restored or not any more. */
export function isOutOfReach(content: ObjectContent, nowMs: number): boolean {
  return isArchived(content.storageClass) && !isRestored(content, nowMs);
}

/** A restored copy ends by time alone: nothing has to run for it. */
export const isRestored = (content: ObjectContent, nowMs: number): boolean => (content.restoredUntilMs ?? 0) > nowMs;

/** `x-amz-restore` of a version that is restored. A restoration is done at once, so none is ever under way. */
export function restoreHeader(content: ObjectContent, nowMs: number): string | undefined {
  if (!isArchived(content.storageClass) || !isRestored(content, nowMs)) return undefined;
  return `ongoing-request="false", expiry-date="${httpDate(content.restoredUntilMs!)}"`;
}
