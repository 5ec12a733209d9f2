import { action } from '../action.js';
import { pendingDeletion } from '../errors.js';

export const enableKey = action({
  name: 'EnableKey',
  input: (input) => ({ keyId: input.requiredText('KeyId', { min: 1, max: 2048 }) }),
  async handle({ keyId }, who, keys) {
    const found = await keys.require(who, 'kms:EnableKey', keyId);
    keys.requireCustomerManaged(found, 'kms:EnableKey');
    await keys.ring.update(found.accountId, found.keyId, (record) => {
      if (record.state === 'PendingDeletion') throw pendingDeletion(keys.arn(record));
      return { ...record, state: 'Enabled' };
    });
    return {};
  },
});
