import { KmsError } from '../../encryption/ports.js';
import { action } from '../action.js';

/** https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html */
const ROTATIONS_MAX = 25;

export const rotateKeyOnDemand = action({
  name: 'RotateKeyOnDemand',
  input: (input) => ({ keyId: input.requiredText('KeyId', { min: 1, max: 2048 }) }),
  async handle({ keyId }, who, keys) {
    const found = await keys.requireUsable(who, 'kms:RotateKeyOnDemand', keyId);
    keys.requireCustomerManaged(found, 'kms:RotateKeyOnDemand');
    await keys.ring.rotate(found.accountId, found.keyId, (record) => {
      keys.requireEnabled(record);
      if (record.backingKeys.filter((one) => one.rotation === 'ON_DEMAND').length < ROTATIONS_MAX) return;
      throw new KmsError(
        'LimitExceededException',
        `The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed for this key: ${keys.arn(record)}`,
      );
    });
    return { KeyId: keys.arn(found) };
  },
});
