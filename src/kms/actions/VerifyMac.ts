import { KMS_CIPHERTEXT_MAX_BYTES, KMS_PLAINTEXT_MAX_BYTES } from '../../base/limits.js';
import { KmsError } from '../../encryption/ports.js';
import { keyAction } from '../action.js';
import { requireAlgorithm } from '../crypto/key-spec.js';
import { macFacts, macOf, readMacAlgorithm } from '../mac-request.js';

export const verifyMac = keyAction({
  name: 'VerifyMac',
  input: (input) => ({
    message: input.requiredBlob('Message', { min: 1, max: KMS_PLAINTEXT_MAX_BYTES }),
    mac: input.requiredBlob('Mac', { min: 1, max: KMS_CIPHERTEXT_MAX_BYTES }),
    algorithm: readMacAlgorithm(input),
  }),
  needs: macFacts,
  states: 'usable',
  usage: 'GENERATE_VERIFY_MAC',
  otherAccounts: true,
  byAlias: true,
  dryRun: true,
  cryptographic: true,
  check: ({ spec }, _, { algorithm }) => requireAlgorithm(spec, 'GENERATE_VERIFY_MAC', algorithm),
  handle({ message, mac, algorithm }, record, call) {
    const made = macOf(call, record, algorithm, message);
    message.fill(0);
    if (!made.equals(mac)) throw new KmsError('KMSInvalidMacException', '');
    return { KeyId: call.keys.arn(record), MacValid: true, MacAlgorithm: algorithm };
  },
});
