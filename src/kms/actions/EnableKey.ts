import { keyAction } from '../action.js';

export const enableKey = keyAction({
  name: 'EnableKey',
  input: () => undefined,
  needs: () => ({}),
  states: 'imported',
  async handle(_, record, call) {
    await call.changeKey(record, 'imported', (found) => ({ ...found, state: 'Enabled' }));
    return {};
  },
});
