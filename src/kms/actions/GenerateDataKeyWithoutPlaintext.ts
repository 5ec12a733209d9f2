import { randomBytes } from 'node:crypto';
import { action } from '../action.js';
import { readDataKeyLength } from '../data-key-length.js';
import { refuseDryRun } from '../errors.js';

export const generateDataKeyWithoutPlaintext = action({
  name: 'GenerateDataKeyWithoutPlaintext',
  input: (input) => ({
    dryRun: input.boolean('DryRun'),
    keyId: input.requiredText('KeyId', { min: 1, max: 2048 }),
    context: input.context('EncryptionContext'),
    bytes: readDataKeyLength(input),
  }),
  async handle({ dryRun, keyId, context, bytes }, who, keys) {
    const record = await keys.requireUsable(who, 'kms:GenerateDataKeyWithoutPlaintext', keyId);
    refuseDryRun(dryRun);
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
