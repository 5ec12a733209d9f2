import { PolicyError } from '../policy/error.js';
import { parseDocument } from '../policy/parse.js';
import type { PolicyDocument } from '../policy/ports.js';

/** The policy of a backup. @throws PolicyError */
export function parseResourcePolicy(text: string, partition: string): PolicyDocument {
  return parseDocument(text, partition, (statement) => {
    if ((statement.Principal === undefined) === (statement.NotPrincipal === undefined)) {
      throw new PolicyError('a statement needs either Principal or NotPrincipal');
    }
    if (statement.NotPrincipal !== undefined && statement.Effect === 'Allow') {
      throw new PolicyError('NotPrincipal is only supported with the Effect Deny');
    }
    if (statement.Action === undefined && statement.NotAction === undefined) {
      throw new PolicyError('a statement needs either Action or NotAction');
    }
    if (statement.Resource === undefined && statement.NotResource === undefined) {
      throw new PolicyError('a statement needs either Resource or NotResource');
    }
  });
}
