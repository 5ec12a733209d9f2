import { keyAction } from '../action.js';
import { entriesAfter, page, readPage } from '../paging.js';

export const listResourceTags = keyAction({
  name: 'ListResourceTags',
  input: (input) => readPage(input, { limit: 50, max: 50, names: /./s }),
  needs: () => ({}),
  states: 'any',
  handle({ limit, after }, { tags }) {
    const name = ([key]: readonly [key: string, value: string]) => key;
    const { shown, ...rest } = page(entriesAfter(tags, after, name), limit, name);
    return { Tags: shown.map(([TagKey, TagValue]) => ({ TagKey, TagValue })), ...rest };
  },
});
