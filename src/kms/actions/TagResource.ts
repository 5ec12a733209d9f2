import { keyAction } from '../action.js';
import { tagFacts } from '../conditions.js';
import { mergeTags, readTags } from '../tags.js';

export const tagResource = keyAction({
  name: 'TagResource',
  input: (input) => ({ tags: readTags(input.requiredList('Tags')) }),
  needs: ({ tags }) => ({ keys: tagFacts(tags) }),
  states: 'not pending deletion',
  async handle({ tags }, record, call) {
    await call.changeKey(record, 'not pending deletion', (found) => ({ ...found, tags: mergeTags(found.tags, tags) }));
    return {};
  },
});
