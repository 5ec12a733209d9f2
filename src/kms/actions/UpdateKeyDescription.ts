import { keyAction } from '../action.js';

export const updateKeyDescription = keyAction({
  name: 'UpdateKeyDescription',
  input: (input) => ({ description: input.requiredText('Description', { max: 8192 }) }),
  needs: () => ({}),
  states: 'not pending deletion',
  async handle({ description }, record, call) {
    await call.changeKey(record, 'not pending deletion', (found) => ({ ...found, description }));
    return {};
  },
});
