import { keyAction } from '../action.js';

export const disableKey = keyAction({
  name: 'DisableKey',
  input: () => undefined,
  needs: () => ({}),
  states: 'imported',
  async handle(_, record, call) {
    await call.changeKey(record, 'imported', (found) => ({ ...found, state: 'Disabled' }));
    return {};
  },
});
