import { KMS_CIPHERTEXT_MAX_BYTES } from '../../base/limits.js';
import { action } from '../action.js';
import { readAlgorithm } from '../algorithm.js';
import { refuseDryRun } from '../errors.js';

export const reEncrypt = action({
  name: 'ReEncrypt',
  input: (input) => ({
    dryRun: input.boolean('DryRun'),
    ciphertextBlob: input.requiredBlob('CiphertextBlob', { min: 1, max: KMS_CIPHERTEXT_MAX_BYTES }),
    sourceContext: input.context('SourceEncryptionContext'),
    sourceKeyId: input.text('SourceKeyId', { min: 1, max: 2048 }),
    destinationKeyId: input.requiredText('DestinationKeyId', { min: 1, max: 2048 }),
    destinationContext: input.context('DestinationEncryptionContext'),
    sourceAlgorithm: readAlgorithm(input, 'SourceEncryptionAlgorithm'),
    destinationAlgorithm: readAlgorithm(input, 'DestinationEncryptionAlgorithm'),
  }),
  async handle(input, who, keys) {
    const target = await keys.requireUsable(who, 'kms:ReEncryptTo', input.destinationKeyId);
    const source = await keys.decrypt(who, {
      ciphertextBlob: input.ciphertextBlob,
      context: input.sourceContext,
      keyId: input.sourceKeyId,
      action: 'kms:ReEncryptFrom',
    });
    refuseDryRun(input.dryRun);
    const blob = keys.encrypt(target, input.destinationContext, source.plaintext);
    source.plaintext.fill(0);
    return {
      CiphertextBlob: blob.toString('base64'),
      SourceKeyId: keys.arn(source.record),
      KeyId: keys.arn(target),
      SourceEncryptionAlgorithm: input.sourceAlgorithm,
      DestinationEncryptionAlgorithm: input.destinationAlgorithm,
      SourceKeyMaterialId: source.backingKeyId,
      DestinationKeyMaterialId: target.backingKeys.at(-1)!.id,
    };
  },
});
