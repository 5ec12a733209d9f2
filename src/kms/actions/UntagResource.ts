import { keyAction } from '../action.js';

export const untagResource = keyAction({
  name: 'UntagResource',
  input: (input) => ({ names: input.texts('TagKeys') ?? [] }),
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
