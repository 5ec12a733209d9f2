import { keyAction } from '../action.js';
import { policyText } from '../key-authorizer.js';
import { POLICY_NAME, requireDefaultName } from '../policy-text.js';

export const getKeyPolicy = keyAction({
  name: 'GetKeyPolicy',
  input: (input) => ({ name: requireDefaultName(input.text('PolicyName', POLICY_NAME)) }),
  needs: () => ({}),
  states: 'any',
  handle: ({ name }, record, { keys }) => ({ Policy: policyText(record, keys.region), PolicyName: name }),
});
