import { keyAction } from '../action.js';
import { encapsulate as encapsulateFor } from '../crypto/ml-kem.js';
import { ENCAPSULATION_ALGORITHMS, encapsulationFacts } from '../encapsulation.js';

export const encapsulate = keyAction({
  name: 'Encapsulate',
  input: (input) => ({
    algorithm: input.requiredOneOf('EncapsulationAlgorithm', ENCAPSULATION_ALGORITHMS),
    tokens: input.grantTokens(),
  }),
  needs: encapsulationFacts,
  states: 'usable',
  usage: 'ENCAPSULATE_DECAPSULATE',
  otherAccounts: true,
  byAlias: true,
  dryRun: true,
  cryptographic: true,
  handle({ algorithm }, record, call) {
    const backing = call.keys.current(record);
    call.note({ keyMaterialId: backing.id });
    const { sharedSecret, ciphertext } = encapsulateFor(call.keys.ring.wraps.publicKey(record, backing));
    const answer = {
      KeyId: call.keys.arn(record),
      SharedSecret: sharedSecret.expose().toString('base64'),
      SharedSecretCiphertextBlob: ciphertext.toString('base64'),
      EncapsulationAlgorithm: algorithm,
    };
    sharedSecret.dispose();
    return answer;
  },
});
