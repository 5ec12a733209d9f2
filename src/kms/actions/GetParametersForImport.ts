import { keyAction } from '../action.js';
import { newWrappingKey } from '../crypto/import-wrapping.js';
import { requireWrappable } from '../import.js';
import { sealTicket } from '../import-token.js';

/** As the API model has them, those included that are refused by name. */
const ALGORITHMS = [
  'RSAES_PKCS1_V1_5',
  'RSAES_OAEP_SHA_1',
  'RSAES_OAEP_SHA_256',
  'RSA_AES_KEY_WRAP_SHA_1',
  'RSA_AES_KEY_WRAP_SHA_256',
  'SM2PKE',
];
const SPECS = ['RSA_2048', 'RSA_3072', 'RSA_4096', 'SM2'];
/** As AWS: a token and its wrapping key are good for a day. */
const VALID_DAYS = 1;

export const getParametersForImport = keyAction({
  name: 'GetParametersForImport',
  input: (input) => ({
    algorithm: input.requiredOneOf('WrappingAlgorithm', ALGORITHMS),
    spec: input.requiredOneOf('WrappingKeySpec', SPECS),
  }),
  needs: ({ algorithm, spec }) => ({ keys: { 'kms:wrappingalgorithm': algorithm, 'kms:wrappingkeyspec': spec } }),
  states: 'any',
  origin: 'EXTERNAL',
  async handle({ algorithm: name, spec }, record, call) {
    const { keys } = call;
    const algorithm = requireWrappable(call, record, name, spec);
    const { secret: privateKey, publicKey } = await newWrappingKey(spec);
    const validToMs = keys.clock.now() + VALID_DAYS * keys.dayMs;
    const { accountId, keyId, region } = record;
    const ticket = { accountId, keyId, region, algorithm, validToMs, privateKey: privateKey.expose() };
    const token = sealTicket(keys.parts.tokenCipher, ticket);
    privateKey.dispose();
    return {
      KeyId: keys.arn(record),
      ImportToken: token.toString('base64'),
      PublicKey: publicKey.toString('base64'),
      ParametersValidTo: validToMs / 1000,
    };
  },
});
