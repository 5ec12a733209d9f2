import { type KmsCallerContext, KmsError } from '../encryption/ports.js';
import type { Decision } from '../policy/ports.js';

/** AWS's words for why not. https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html */
export function denied(
  { caller }: KmsCallerContext,
  action: string,
  resource: string,
  decision: Extract<Decision, { allowed: false }>,
  otherAccount: boolean,
): KmsError {
  const who = caller.arn === '' ? 'anonymous' : caller.arn;
  return new KmsError(
    'AccessDeniedException',
    `User: ${who} is not authorized to perform: ${action} on resource: ${resource} ${why(action, decision, otherAccount)}`,
  );
}

function why(action: string, { explicit, by }: Extract<Decision, { allowed: false }>, otherAccount: boolean): string {
  if (explicit)
    return `with an explicit deny in ${by === 'identity policy' ? 'an identity' : 'a resource'}-based policy`;
  // Whether another account has such a key is nobody's business.
  if (otherAccount && by !== 'no identity policy') {
    return 'because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access';
  }
  const kind = by === 'no identity policy' ? 'identity' : 'resource';
  return `because no ${kind}-based policy allows the ${action} action`;
}

/** Nobody asked the policies: the action isn't for keys of other accounts, or not for strangers. */
export const notOurs = (who: KmsCallerContext, action: string, resource: string): KmsError =>
  denied(who, action, resource, { allowed: false, explicit: false, by: 'other account' }, true);
