import { keyAction } from '../action.js';
import { page, readPage } from '../paging.js';

export const listResourceTags = keyAction({
  name: 'ListResourceTags',
  input: (input) => readPage(input, { limit: 50, max: 50 }),
  needs: () => ({}),
  states: 'any',
  handle({ limit, after }, { tags }) {
    const from = after === '' ? 0 : tags.findIndex(([name]) => name === after) + 1;
    const { shown, ...rest } = page(tags.slice(from), limit, ([name]) => name);
    return { Tags: shown.map(([TagKey, TagValue]) => ({ TagKey, TagValue })), ...rest };
  },
});
