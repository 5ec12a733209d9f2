import { action } from '../action.js';

export const describeKey = action({
  name: 'DescribeKey',
  input: (input) => ({ keyId: input.requiredText('KeyId', { min: 1, max: 2048 }) }),
  async handle({ keyId }, who, keys) {
    return { KeyMetadata: keys.metadata(await keys.require(who, 'kms:DescribeKey', keyId)) };
  },
});
