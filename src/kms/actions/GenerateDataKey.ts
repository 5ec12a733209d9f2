import { whenThere } from '../../base/maybe-promise.js';
import { keyAction } from '../action.js';
import { dataKeyFacts, newDataKey, readDataKeyLength } from '../data-key.js';
import { refuseRecipient } from '../recipient.js';
import { requireSymmetric } from '../symmetric.js';

export const generateDataKey = keyAction({
  name: 'GenerateDataKey',
  input: (input) => ({
    context: input.context('EncryptionContext'),
    bytes: readDataKeyLength(input),
    tokens: input.grantTokens(),
    recipient: refuseRecipient(input),
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
      const answer = {
        CiphertextBlob: blob.toString('base64'),
        Plaintext: plaintext.toString('base64'),
        KeyId: call.keys.arn(record),
        KeyMaterialId: keyMaterialId,
      };
      plaintext.fill(0);
      return answer;
    });
  },
});
