import { KMS_PLAINTEXT_MAX_BYTES } from '../../base/limits.js';
import { keyAction } from '../action.js';
import { requireAlgorithm } from '../crypto/key-spec.js';
import { macFacts, macOf, readMacAlgorithm } from '../mac-request.js';

export const generateMac = keyAction({
  name: 'GenerateMac',
  input: (input) => ({
    message: input.requiredBlob('Message', { min: 1, max: KMS_PLAINTEXT_MAX_BYTES }),
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
  handle({ message, algorithm }, record, call) {
    const made = macOf(call, record, algorithm, message);
    message.fill(0);
    return { Mac: made.toBytes().toString('base64'), MacAlgorithm: algorithm, KeyId: call.keys.arn(record) };
  },
});
