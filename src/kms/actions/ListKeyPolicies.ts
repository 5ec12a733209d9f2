import { keyAction } from '../action.js';
import { readPage } from '../paging.js';

export const listKeyPolicies = keyAction({
  name: 'ListKeyPolicies',
  input: (input) => readPage(input, { limit: 100, max: 1000 }),
  needs: () => ({}),
  states: 'any',
  handle: () => ({ PolicyNames: ['default'], Truncated: false }),
});
