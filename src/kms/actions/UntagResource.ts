import { keyAction } from '../action.js';
import { TAG_KEY } from '../tags.js';

export const untagResource = keyAction({
  name: 'UntagResource',
  input: (input) => ({ names: input.requiredTexts('TagKeys', TAG_KEY) }),
  needs: ({ names }) => ({ keys: { 'aws:tagkeys': names.length > 0 ? names : undefined } }),
  states: 'not pending deletion',
  async handle({ names }, record, call) {
    await call.changeKey(record, 'not pending deletion', (found) => ({
      ...found,
      tags: found.tags.filter(([name]) => !names.includes(name)),
    }));
    return {};
  },
});
