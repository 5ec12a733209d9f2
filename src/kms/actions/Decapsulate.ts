import { keyAction } from '../action.js';
import { decapsulate as decapsulateWith } from '../crypto/ml-kem.js';
import { ENCAPSULATION_ALGORITHMS, encapsulationFacts } from '../encapsulation.js';

export const decapsulate = keyAction({
  name: 'Decapsulate',
  input: (input) => ({
    ciphertext: input.requiredBlob('SharedSecretCiphertextBlob', { min: 1, max: 6144 }),
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
  handle({ ciphertext, algorithm }, record, call) {
    const backing = call.keys.current(record);
    call.note({ keyMaterialId: backing.id });
    const secret = decapsulateWith(call.keys.ring.wraps.key(record, backing), ciphertext);
    const answer = {
      KeyId: call.keys.arn(record),
      SharedSecret: secret.expose().toString('base64'),
      EncapsulationAlgorithm: algorithm,
    };
    secret.dispose();
    return answer;
  },
});
