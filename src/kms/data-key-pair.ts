import type { EncryptionContext } from '../encryption/ports.js';
import { keyAction } from './action.js';
import { DATA_KEY_PAIR_SPECS, generateDataKeyPair } from './crypto/data-key-pair.js';
import { UNSUPPORTED_SPECS } from './crypto/key-spec.js';
import { dataKeyFacts } from './data-key.js';
import { refuseRecipient } from './recipient.js';
import { encryptUnder, requireSymmetric } from './symmetric.js';

const SPECS = [...DATA_KEY_PAIR_SPECS, ...UNSUPPORTED_SPECS];

/** The two actions that make key pairs differ in whether the private key is told. */
export const dataKeyPairAction = (name: string, tellPrivateKey: boolean) =>
  keyAction({
    name,
    input: (input): { context: EncryptionContext; spec: string } => {
      input.grantTokens();
      if (tellPrivateKey) refuseRecipient(input);
      return { context: input.context('EncryptionContext'), spec: input.requiredOneOf('KeyPairSpec', SPECS) };
    },
    needs: ({ context, spec }) => dataKeyFacts(context, { 'kms:datakeypairspec': spec }),
    states: 'usable',
    usage: 'ENCRYPT_DECRYPT',
    check: requireSymmetric,
    otherAccounts: true,
    byAlias: true,
    dryRun: true,
    cryptographic: true,
    async handle({ context, spec }, record, call) {
      const { secret: privateKey, publicKey } = await generateDataKeyPair(spec);
      const { blob, keyMaterialId } = await encryptUnder(call, record, context, privateKey.expose());
      const answer = {
        PrivateKeyCiphertextBlob: blob.toString('base64'),
        ...(tellPrivateKey && { PrivateKeyPlaintext: privateKey.expose().toString('base64') }),
        PublicKey: publicKey.toString('base64'),
        KeyId: call.keys.arn(record),
        KeyPairSpec: spec,
        KeyMaterialId: keyMaterialId,
      };
      privateKey.dispose();
      return answer;
    },
  });
