import { KMS_CIPHERTEXT_MAX_BYTES, KMS_PLAINTEXT_MAX_BYTES } from '../../base/limits.js';
import { KmsError } from '../../encryption/ports.js';
import { keyAction } from '../action.js';
import { requireAlgorithm } from '../crypto/key-spec.js';
import { verify as verifySignature } from '../crypto/signing.js';
import { readSigning, signingFacts } from '../signing-request.js';

export const verify = keyAction({
  name: 'Verify',
  input: (input) => ({
    message: input.requiredBlob('Message', { min: 1, max: KMS_PLAINTEXT_MAX_BYTES }),
    signature: input.requiredBlob('Signature', { min: 1, max: KMS_CIPHERTEXT_MAX_BYTES }),
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
  handle({ message, signature, messageType, algorithm }, record, call) {
    const backing = call.keys.current(record);
    call.note({ keyMaterialId: backing.id });
    const key = call.keys.ring.wraps.publicKey(record, backing);
    if (!verifySignature(key, algorithm, messageType, message, signature)) {
      throw new KmsError('KMSInvalidSignatureException', '');
    }
    return { KeyId: call.keys.arn(record), SignatureValid: true, SigningAlgorithm: algorithm };
  },
});
