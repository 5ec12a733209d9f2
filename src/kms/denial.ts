import { type KmsCallerContext, KmsError } from '../encryption/ports.js';
import type { Decision } from '../policy/ports.js';

/** AWS's words for why not. https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html */
export function denied(
  { caller }: KmsCallerContext,
  action: string,
  resource: string,
  decision: Extract<Decision, { allowed: false }>,
): KmsError {
  return refusal(caller, action, `on resource: ${resource} ${why(action, decision)}`);
}

const refusal = ({ arn }: KmsCallerContext['caller'], action: string, why: string): KmsError =>
  new KmsError(
    'AccessDeniedException',
    `User: ${arn === '' ? 'anonymous' : arn} is not authorized to perform: ${action} ${why}`,
  );

function why(action: string, { explicit, by }: Extract<Decision, { allowed: false }>): string {
  if (explicit)
    return `with an explicit deny in ${by === 'identity policy' ? 'an identity' : 'a resource'}-based policy`;
  const kind = by === 'no identity policy' ? 'identity' : 'resource';
  return `because no ${kind}-based policy allows the ${action} action`;
}

const NOBODYS =
  'because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access';

/** Of another account: whether it has such a key, and what its policy says, is nobody's business. */
export const notOurs = ({ caller }: KmsCallerContext, action: string, resource: string): KmsError =>
  refusal(caller, action, `on resource: ${resource} ${NOBODYS}`);

/** Of a ciphertext whose key the request doesn't name: it isn't there, or the caller may not use it. */
export const notForCiphertext = ({ caller }: KmsCallerContext, action: string): KmsError =>
  refusal(caller, action, `on the resource associated with this ciphertext ${NOBODYS}`);
