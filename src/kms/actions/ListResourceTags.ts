import { action } from '../action.js';
import { page, readPage } from '../paging.js';

export const listResourceTags = action({
  name: 'ListResourceTags',
  input: (input) => ({
    ...readPage(input, { limit: 50, max: 50 }),
    keyId: input.requiredText('KeyId', { min: 1, max: 2048 }),
  }),
  async handle({ keyId, limit, after }, who, keys) {
    const record = await keys.require(who, 'kms:ListResourceTags', keyId);
    const from = after === '' ? 0 : record.tags.findIndex(([name]) => name === after) + 1;
    const { shown, ...rest } = page(record.tags.slice(from), limit, ([name]) => name);
    return { Tags: shown.map(([TagKey, TagValue]) => ({ TagKey, TagValue })), ...rest };
  },
});
