import { whenThere } from '../../base/maybe-promise.js';
import { keyAction } from '../action.js';
import { dataKeyFacts, newDataKey, readDataKeyLength } from '../data-key.js';
import { requireSymmetric } from '../symmetric.js';

export const generateDataKeyWithoutPlaintext = keyAction({
  name: 'GenerateDataKeyWithoutPlaintext',
  input: (input) => ({
    context: input.context('EncryptionContext'),
    bytes: readDataKeyLength(input),
    tokens: input.grantTokens(),
  }),
  needs: ({ context }) => dataKeyFacts(context),
  states: 'usable',
  usage: 'ENCRYPT_DECRYPT',
  check: requireSymmetric,
  otherAccounts: true,
  byAlias: true,
  dryRun: true,
  cryptographic: true,
  handle({ context, bytes }, record, call) {
    return whenThere(newDataKey(call, record, context, bytes), ({ plaintext, blob, keyMaterialId }) => {
      plaintext.fill(0);
      return { CiphertextBlob: blob.toString('base64'), KeyId: call.keys.arn(record), KeyMaterialId: keyMaterialId };
    });
  },
});
