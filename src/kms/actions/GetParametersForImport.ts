import { keyAction } from '../action.js';
import {
  newWrappingKey,
  WRAPPING_ALGORITHMS,
  WRAPPING_KEY_SPECS,
  type WrappingAlgorithm,
  type WrappingKeySpec,
} from '../crypto/import-wrapping.js';
import { requireExternal, requireWrappable } from '../import.js';
import { sealTicket } from '../import-token.js';

/** As AWS: a token and its wrapping key are good for a day. */
const VALID_DAYS = 1;

export const getParametersForImport = keyAction({
  name: 'GetParametersForImport',
  input: (input): { algorithm: WrappingAlgorithm; spec: WrappingKeySpec } => ({
    algorithm: input.requiredOneOf('WrappingAlgorithm', WRAPPING_ALGORITHMS),
    spec: input.requiredOneOf('WrappingKeySpec', WRAPPING_KEY_SPECS),
  }),
  needs: ({ algorithm, spec }) => ({ keys: { 'kms:wrappingalgorithm': algorithm, 'kms:wrappingkeyspec': spec } }),
  states: 'any',
  check: requireExternal,
  async handle({ algorithm, spec }, record, call) {
    const { keys } = call;
    requireWrappable(call, record, algorithm, spec);
    const { privateKey, publicKey } = await newWrappingKey(spec);
    const validToMs = keys.clock.now() + VALID_DAYS * keys.dayMs;
    const { accountId, keyId } = record;
    const ticket = { accountId, keyId, algorithm, validToMs, privateKey: privateKey.expose() };
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
