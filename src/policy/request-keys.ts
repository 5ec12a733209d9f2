import type { PolicyRequest, Principal } from './ports.js';

/**
 * What a condition key stands for. The caller's context goes first; what follows from the principal is known here.
 * @param key in lower case
 */
export function valuesOf(request: PolicyRequest, key: string): readonly string[] | undefined {
  return request.context.get(key) ?? valueOfPrincipal(request.principal, key);
}

const TYPES = {
  root: 'Account',
  user: 'User',
  role: 'AssumedRole',
  anonymous: 'Anonymous',
  service: undefined,
} as const;

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principal-properties */
function valueOfPrincipal(principal: Principal, key: string): readonly string[] | undefined {
  const { kind, arn, accountId, userId, userName } = principal;
  const anonymous = kind === 'anonymous';
  switch (key) {
    case 'aws:principalarn':
      return kind === 'service' ? undefined : one(arn);
    case 'aws:principalaccount':
      return one(anonymous ? 'anonymous' : accountId);
    case 'aws:principaltype':
      return one(TYPES[kind]);
    case 'aws:userid':
      return one(anonymous ? 'anonymous' : userId);
    case 'aws:username':
      return kind === 'user' ? one(userName) : undefined;
    case 'aws:principalisawsservice':
      return anonymous ? undefined : one(String(kind === 'service'));
    case 'aws:principalservicename':
      return kind === 'service' ? one(arn) : undefined;
    default:
      return undefined;
  }
}

const one = (value: string | undefined): readonly string[] | undefined => (value ? [value] : undefined);
