import { action } from '../action.js';
import { requireDefaultName } from '../policy-text.js';

export const getKeyPolicy = action({
  name: 'GetKeyPolicy',
  input: (input) => ({
    keyId: input.requiredText('KeyId', { min: 1, max: 2048 }),
    name: requireDefaultName(input.text('PolicyName', { min: 1, max: 128 })),
  }),
  async handle({ keyId, name }, who, keys) {
    const record = await keys.require(who, 'kms:GetKeyPolicy', keyId);
    return { Policy: record.policy, PolicyName: name };
  },
});
