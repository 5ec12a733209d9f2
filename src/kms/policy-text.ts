import { KmsError } from '../encryption/ports.js';
import { PolicyError } from '../policy/error.js';
import { parseKeyPolicy } from '../policy/parse.js';
import { notFound, tooLarge } from './errors.js';

/** AWS's limit for a key policy: 32 KiB. */
const POLICY_MAX_BYTES = 32_768;
/** As the API model has it. */
export const POLICY_LIMITS = { min: 1, max: 131_072, pattern: '[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+' };

/** @throws MalformedPolicyDocumentException, LimitExceededException */
export function checkPolicy(text: string): void {
  if (text.length > POLICY_MAX_BYTES) throw tooLarge();
  try {
    parseKeyPolicy(JSON.parse(text));
  } catch (error) {
    if (error instanceof PolicyError || error instanceof SyntaxError) {
      throw new KmsError(
        'MalformedPolicyDocumentException',
        error instanceof PolicyError ? error.message : 'The policy is not JSON.',
      );
    }
    throw error;
  }
}

/** A key has one policy, and its name is `default`. */
export function requireDefaultName(name: string | undefined): 'default' {
  if (name !== undefined && name !== 'default') throw notFound(`No such policy exists`);
  return 'default';
}
