import { keyAction } from '../action.js';
import { deriveSharedSecret as derive } from '../crypto/ecdh.js';
import { refuseRecipient } from '../recipient.js';

export const deriveSharedSecret = keyAction({
  name: 'DeriveSharedSecret',
  input: (input) => ({
    algorithm: input.requiredOneOf('KeyAgreementAlgorithm', ['ECDH']),
    peer: input.requiredBlob('PublicKey', { min: 1, max: 8192 }),
    tokens: input.grantTokens(),
    recipient: refuseRecipient(input),
  }),
  needs: ({ algorithm }) => ({ keys: { 'kms:keyagreementalgorithm': algorithm } }),
  states: 'usable',
  usage: 'KEY_AGREEMENT',
  otherAccounts: true,
  byAlias: true,
  dryRun: true,
  cryptographic: true,
  handle({ algorithm, peer }, record, call) {
    const backing = call.keys.current(record);
    call.note({ keyMaterialId: backing.id });
    const secret = derive(call.keys.ring.wraps.key(record, backing), peer);
    const answer = {
      KeyId: call.keys.arn(record),
      SharedSecret: secret.expose().toString('base64'),
      KeyAgreementAlgorithm: algorithm,
      KeyOrigin: record.origin,
    };
    secret.dispose();
    return answer;
  },
});
