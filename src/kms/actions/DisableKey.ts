import { action } from '../action.js';
import { pendingDeletion } from '../errors.js';

export const disableKey = action({
  name: 'DisableKey',
  input: (input) => ({ keyId: input.requiredText('KeyId', { min: 1, max: 2048 }) }),
  async handle({ keyId }, who, keys) {
    const found = await keys.require(who, 'kms:DisableKey', keyId);
    keys.requireCustomerManaged(found, 'kms:DisableKey');
    await keys.ring.update(found.accountId, found.keyId, (record) => {
      if (record.state === 'PendingDeletion') throw pendingDeletion(keys.arn(record));
      return { ...record, state: 'Disabled' };
    });
    return {};
  },
});
