import { randomBytes } from 'node:crypto';
import { action } from '../action.js';
import { readDataKeyLength } from '../data-key-length.js';
import { refuseDryRun } from '../errors.js';
import { refuseRecipient } from '../recipient.js';

export const generateDataKey = action({
  name: 'GenerateDataKey',
  input: (input) => ({
    dryRun: input.boolean('DryRun'),
    keyId: input.requiredText('KeyId', { min: 1, max: 2048 }),
    context: input.context('EncryptionContext'),
    bytes: readDataKeyLength(input),
    recipient: refuseRecipient(input),
  }),
  async handle({ dryRun, keyId, context, bytes }, who, keys) {
    const record = await keys.requireUsable(who, 'kms:GenerateDataKey', keyId);
    refuseDryRun(dryRun);
    const plaintext = randomBytes(bytes);
    const answer = {
      CiphertextBlob: keys.encrypt(record, context, plaintext).toString('base64'),
      Plaintext: plaintext.toString('base64'),
      KeyId: keys.arn(record),
      KeyMaterialId: record.backingKeys.at(-1)!.id,
    };
    plaintext.fill(0);
    return answer;
  },
});
