import { KMS_CIPHERTEXT_MAX_BYTES } from '../../base/limits.js';
import { action } from '../action.js';
import { readAlgorithm } from '../algorithm.js';
import { refuseDryRun } from '../errors.js';
import { refuseRecipient } from '../recipient.js';

export const decrypt = action({
  name: 'Decrypt',
  input: (input) => ({
    dryRun: input.boolean('DryRun'),
    ciphertextBlob: input.requiredBlob('CiphertextBlob', { min: 1, max: KMS_CIPHERTEXT_MAX_BYTES }),
    context: input.context('EncryptionContext'),
    keyId: input.text('KeyId', { min: 1, max: 2048 }),
    algorithm: readAlgorithm(input, 'EncryptionAlgorithm'),
    recipient: refuseRecipient(input),
  }),
  async handle({ dryRun, ciphertextBlob, context, keyId, algorithm }, who, keys) {
    const { record, backingKeyId, plaintext } = await keys.decrypt(who, { ciphertextBlob, context, keyId });
    refuseDryRun(dryRun);
    const answer = {
      KeyId: keys.arn(record),
      Plaintext: plaintext.toString('base64'),
      EncryptionAlgorithm: algorithm,
      KeyMaterialId: backingKeyId,
    };
    plaintext.fill(0);
    return answer;
  },
});
