import { action } from '../action.js';
import { pendingDeletion } from '../errors.js';

export const untagResource = action({
  name: 'UntagResource',
  input: (input) => ({
    keyId: input.requiredText('KeyId', { min: 1, max: 2048 }),
    names: new Set(input.texts('TagKeys')),
  }),
  async handle({ keyId, names }, who, keys) {
    const found = await keys.require(who, 'kms:UntagResource', keyId);
    keys.requireCustomerManaged(found, 'kms:UntagResource');
    await keys.ring.update(found.accountId, found.keyId, (record) => {
      if (record.state === 'PendingDeletion') throw pendingDeletion(keys.arn(record));
      return { ...record, tags: record.tags.filter(([name]) => !names.has(name)) };
    });
    return {};
  },
});
