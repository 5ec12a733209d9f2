import { keyAction } from '../action.js';
import { readPage } from '../paging.js';

/** A key has one policy: there is never a next page. */
const NONE = /^(?!)/;

export const listKeyPolicies = keyAction({
  name: 'ListKeyPolicies',
  input: (input) => readPage(input, { limit: 100, max: 1000, names: NONE }),
  needs: () => ({}),
  states: 'any',
  handle: () => ({ PolicyNames: ['default'], Truncated: false }),
});
