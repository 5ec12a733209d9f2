import { KMS_PLAINTEXT_MAX_BYTES } from '../../base/limits.js';
import { keyAction } from '../action.js';
import { requireAlgorithm } from '../crypto/key-spec.js';
import { sign as signMessage } from '../crypto/signing.js';
import { readSigning, signingFacts } from '../signing-request.js';

export const sign = keyAction({
  name: 'Sign',
  input: (input) => ({
    message: input.requiredBlob('Message', { min: 1, max: KMS_PLAINTEXT_MAX_BYTES }),
    ...readSigning(input),
  }),
  needs: signingFacts,
  states: 'usable',
  usage: 'SIGN_VERIFY',
  otherAccounts: true,
  byAlias: true,
  dryRun: true,
  cryptographic: true,
  check: ({ spec }, _, { algorithm }) => requireAlgorithm(spec, 'SIGN_VERIFY', algorithm),
  async handle({ message, messageType, algorithm }, record, call) {
    const backing = call.keys.current(record);
    call.note({ keyMaterialId: backing.id });
    const key = call.keys.ring.wraps.key(record, backing);
    const signature = await signMessage(key, algorithm, messageType, message);
    message.fill(0);
    return { KeyId: call.keys.arn(record), Signature: signature.toString('base64'), SigningAlgorithm: algorithm };
  },
});
