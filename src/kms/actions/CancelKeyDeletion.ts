import { KmsError } from '../../encryption/ports.js';
import { action } from '../action.js';

export const cancelKeyDeletion = action({
  name: 'CancelKeyDeletion',
  input: (input) => ({ keyId: input.requiredText('KeyId', { min: 1, max: 2048 }) }),
  async handle({ keyId }, who, keys) {
    const found = await keys.require(who, 'kms:CancelKeyDeletion', keyId);
    await keys.ring.update(found.accountId, found.keyId, (record) => {
      if (record.state !== 'PendingDeletion') {
        throw new KmsError('KMSInvalidStateException', `${keys.arn(record)} is not pending deletion.`);
      }
      const { deletionMs: _, ...kept } = record;
      // As on AWS the key comes back disabled: whoever wants it enables it.
      return { ...kept, state: 'Disabled' };
    });
    return { KeyId: keys.arn(found) };
  },
});
