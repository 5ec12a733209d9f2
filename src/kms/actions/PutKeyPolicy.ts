import { action } from '../action.js';
import { pendingDeletion } from '../errors.js';
import { checkPolicy, POLICY_LIMITS, requireDefaultName } from '../policy-text.js';

export const putKeyPolicy = action({
  name: 'PutKeyPolicy',
  input: (input) => ({
    keyId: input.requiredText('KeyId', { min: 1, max: 2048 }),
    name: requireDefaultName(input.text('PolicyName', { min: 1, max: 128 })),
    policy: input.requiredText('Policy', POLICY_LIMITS),
  }),
  async handle({ keyId, policy }, who, keys) {
    const found = await keys.require(who, 'kms:PutKeyPolicy', keyId);
    keys.requireCustomerManaged(found, 'kms:PutKeyPolicy');
    checkPolicy(policy);
    await keys.ring.update(found.accountId, found.keyId, (record) => {
      if (record.state === 'PendingDeletion') throw pendingDeletion(keys.arn(record));
      return { ...record, policy };
    });
    return {};
  },
});
