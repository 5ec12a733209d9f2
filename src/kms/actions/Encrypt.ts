import { KMS_PLAINTEXT_MAX_BYTES } from '../../base/limits.js';
import { type MaybePromise, whenThere } from '../../base/maybe-promise.js';
import { keyAction } from '../action.js';
import { algorithmFacts, readAlgorithm, requireAlgorithm } from '../algorithm.js';
import { encryptUnderRsa } from '../rsa.js';
import { encryptUnder } from '../symmetric.js';

export const encrypt = keyAction({
  name: 'Encrypt',
  input: (input) => ({
    plaintext: input.requiredBlob('Plaintext', { min: 1, max: KMS_PLAINTEXT_MAX_BYTES }),
    context: input.context('EncryptionContext'),
    algorithm: readAlgorithm(input, 'EncryptionAlgorithm'),
    tokens: input.grantTokens(),
  }),
  needs: ({ context, algorithm }) => ({ encryptionContext: context, keys: algorithmFacts(algorithm) }),
  states: 'usable',
  usage: 'ENCRYPT_DECRYPT',
  otherAccounts: true,
  byAlias: true,
  dryRun: true,
  cryptographic: true,
  check: ({ spec }, _, { algorithm, context }) => requireAlgorithm(algorithm, spec, context),
  handle({ plaintext, context, algorithm }, record, call) {
    const made =
      algorithm === 'SYMMETRIC_DEFAULT'
        ? encryptUnder(call, record, context, plaintext)
        : { blob: encryptUnderRsa(call, record, algorithm, plaintext) };
    return whenThere(made as MaybePromise<{ blob: Buffer }>, ({ blob }) => {
      plaintext.fill(0);
      return { CiphertextBlob: blob.toString('base64'), KeyId: call.keys.arn(record), EncryptionAlgorithm: algorithm };
    });
  },
});
