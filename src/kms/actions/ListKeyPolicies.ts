import { action } from '../action.js';

export const listKeyPolicies = action({
  name: 'ListKeyPolicies',
  input: (input) => ({ keyId: input.requiredText('KeyId', { min: 1, max: 2048 }) }),
  async handle({ keyId }, who, keys) {
    await keys.require(who, 'kms:ListKeyPolicies', keyId);
    return { PolicyNames: ['default'], Truncated: false };
  },
});
