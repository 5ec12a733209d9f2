import { KMS_PLAINTEXT_MAX_BYTES } from '../../base/limits.js';
import { action } from '../action.js';
import { readAlgorithm } from '../algorithm.js';
import { refuseDryRun } from '../errors.js';

export const encrypt = action({
  name: 'Encrypt',
  input: (input) => ({
    dryRun: input.boolean('DryRun'),
    keyId: input.requiredText('KeyId', { min: 1, max: 2048 }),
    plaintext: input.requiredBlob('Plaintext', { min: 1, max: KMS_PLAINTEXT_MAX_BYTES }),
    context: input.context('EncryptionContext'),
    algorithm: readAlgorithm(input, 'EncryptionAlgorithm'),
  }),
  async handle({ dryRun, keyId, plaintext, context, algorithm }, who, keys) {
    const record = await keys.requireUsable(who, 'kms:Encrypt', keyId);
    refuseDryRun(dryRun);
    const blob = keys.encrypt(record, context, plaintext);
    plaintext.fill(0);
    return { CiphertextBlob: blob.toString('base64'), KeyId: keys.arn(record), EncryptionAlgorithm: algorithm };
  },
});
