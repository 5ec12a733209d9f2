import { HsmError, tagError } from './errors.js';
import type { Fields } from './fields.js';
import type { TagPair } from './records.js';

const TAGS_MAX = 50;
const TEXT = /[\p{L}\p{Z}\p{N}_.:/=+\-@]*/u;
export const TAG_KEY = { min: 1, max: 128, pattern: TEXT };

/** TagList. */
export function readTags(list: readonly Fields[] | undefined): TagPair[] {
  const tags = (list ?? []).map((one): TagPair => {
    const pair: TagPair = [one.requiredText('Key', TAG_KEY), one.requiredText('Value', { max: 256, pattern: TEXT })];
    one.requireAllRead();
    return pair;
  });
  if (tags.some(([key]) => /^aws:/i.test(key))) throw tagError('Tag keys that begin with aws: are reserved.');
  if (new Set(tags.map(([key]) => key)).size < tags.length) throw tagError('A tag key is given twice.');
  return tags;
}

export function mergeTags(old: readonly TagPair[], added: readonly TagPair[]): TagPair[] {
  const merged = [...new Map([...old, ...added])];
  if (merged.length > TAGS_MAX) {
    throw new HsmError('CloudHsmResourceLimitExceededException', `A resource has at most ${TAGS_MAX} tags.`);
  }
  return merged;
}

export const tagList = (tags: readonly TagPair[]) => tags.map(([Key, Value]) => ({ Key, Value }));
