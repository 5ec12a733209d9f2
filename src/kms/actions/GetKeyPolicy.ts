import { keyAction } from '../action.js';
import { policyText } from '../key-authorizer.js';
import { requireDefaultName } from '../policy-text.js';

export const getKeyPolicy = keyAction({
  name: 'GetKeyPolicy',
  input: (input) => ({ name: requireDefaultName(input.text('PolicyName', { min: 1, max: 128 })) }),
  needs: () => ({}),
  states: 'any',
  handle: ({ name }, record, { keys }) => ({ Policy: policyText(record, keys.region), PolicyName: name }),
});
