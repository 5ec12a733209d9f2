import { KmsError } from '../encryption/ports.js';
import { PolicyError } from '../policy/error.js';
import { parseKeyPolicy } from '../policy/parse.js';
import { notFound } from './errors.js';

/** @throws MalformedPolicyDocumentException */
export function checkPolicy(text: string): void {
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
