import { action } from '../action.js';

export const getKeyRotationStatus = action({
  name: 'GetKeyRotationStatus',
  input: (input) => ({ keyId: input.requiredText('KeyId', { min: 1, max: 2048 }) }),
  async handle({ keyId }, who, keys) {
    const record = await keys.require(who, 'kms:GetKeyRotationStatus', keyId);
    // Rotation by schedule isn't there yet: EnableKeyRotation is refused, so this is always the truth.
    return { KeyRotationEnabled: false, KeyId: keys.arn(record) };
  },
});
