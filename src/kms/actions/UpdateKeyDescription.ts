import { action } from '../action.js';
import { pendingDeletion } from '../errors.js';

export const updateKeyDescription = action({
  name: 'UpdateKeyDescription',
  input: (input) => ({
    keyId: input.requiredText('KeyId', { min: 1, max: 2048 }),
    description: input.requiredText('Description', { max: 8192 }),
  }),
  async handle({ keyId, description }, who, keys) {
    const found = await keys.require(who, 'kms:UpdateKeyDescription', keyId);
    keys.requireCustomerManaged(found, 'kms:UpdateKeyDescription');
    await keys.ring.update(found.accountId, found.keyId, (record) => {
      if (record.state === 'PendingDeletion') throw pendingDeletion(keys.arn(record));
      return { ...record, description };
    });
    return {};
  },
});
