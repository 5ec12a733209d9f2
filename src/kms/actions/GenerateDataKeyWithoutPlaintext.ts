import { randomBytes } from 'node:crypto';
import { action } from '../action.js';
import { readDataKeyLength } from '../data-key-length.js';

export const generateDataKeyWithoutPlaintext = action({
  name: 'GenerateDataKeyWithoutPlaintext',
  input: (input) => ({
    keyId: input.requiredText('KeyId', { min: 1, max: 2048 }),
    context: input.context('EncryptionContext'),
    bytes: readDataKeyLength(input),
  }),
  async handle({ keyId, context, bytes }, who, keys) {
    const record = await keys.requireUsable(who, 'kms:GenerateDataKeyWithoutPlaintext', keyId);
    const plaintext = randomBytes(bytes);
    const blob = keys.encrypt(record, context, plaintext);
    plaintext.fill(0);
    return {
      CiphertextBlob: blob.toString('base64'),
      KeyId: keys.arn(record),
      KeyMaterialId: record.backingKeys.at(-1)!.id,
    };
  },
});
