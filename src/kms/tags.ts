import { KmsError } from '../encryption/ports.js';
import { constraint, serialization } from './errors.js';
import { missingAt } from './fields.js';

/** TagKeyType of the API model. */
export const TAG_KEY = { min: 1, max: 128 };

type Tag = [key: string, value: string];
const TAGS_MAX = 50;

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_TagResource.html */
export function readTags(given: readonly Readonly<Record<string, unknown>>[]): Tag[] {
  const tags = given.map(({ TagKey: key, TagValue: value }, i): Tag => {
    const at = `tags.${i + 1}.member`;
    if (key === undefined || key === null) throw missingAt(`${at}.tagKey`);
    if (value === undefined || value === null) throw missingAt(`${at}.tagValue`);
    if (typeof key !== 'string' || typeof value !== 'string') throw serialization();
    if (key.length < 1) throw constraint(key, `${at}.tagKey`, 'Member must have length greater than or equal to 1');
    if (key.length > 128) throw constraint(key, `${at}.tagKey`, 'Member must have length less than or equal to 128');
    if (value.length > 256)
      throw constraint(value, `${at}.tagValue`, 'Member must have length less than or equal to 256');
    return [key, value];
  });
  for (const [key] of tags) {
    if (/^aws:/i.test(key)) throw new KmsError('TagException', 'Tags beginning with aws: are reserved');
  }
  if (new Set(tags.map(([key]) => key)).size < tags.length) throw new KmsError('TagException', 'Duplicate tag keys');
  if (tags.length > TAGS_MAX) throw new KmsError('TagException', 'Too many tags');
  return tags;
}

export function mergeTags(old: readonly Tag[], added: readonly Tag[]): Tag[] {
  const merged = [...new Map([...old, ...added])];
  if (merged.length > TAGS_MAX) throw new KmsError('TagException', 'Too many tags');
  return merged;
}
