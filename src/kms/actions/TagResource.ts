import { action } from '../action.js';
import { pendingDeletion } from '../errors.js';
import { mergeTags, readTags } from '../tags.js';

export const tagResource = action({
  name: 'TagResource',
  input: (input) => ({ keyId: input.requiredText('KeyId', { min: 1, max: 2048 }), tags: readTags(input) }),
  async handle({ keyId, tags }, who, keys) {
    const found = await keys.require(who, 'kms:TagResource', keyId);
    keys.requireCustomerManaged(found, 'kms:TagResource');
    await keys.ring.update(found.accountId, found.keyId, (record) => {
      if (record.state === 'PendingDeletion') throw pendingDeletion(keys.arn(record));
      return { ...record, tags: mergeTags(record.tags, tags) };
    });
    return {};
  },
});
