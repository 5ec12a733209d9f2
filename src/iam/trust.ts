import { decide } from '../policy/decide.js';
import type { ConditionValues, PolicyDocument, Principal } from '../policy/ports.js';

/** A service that wants to act as a role, and on whose behalf. */
export interface AskingService {
  /** `s3.amazonaws.com`. */
  service: string;
  /** `aws:SourceArn`, `aws:SourceAccount` and the like. */
  context: ConditionValues;
}

/** Does the role's trust policy let the service assume it? Without a policy it trusts nobody. */
export function trusts(
  role: Pick<Principal, 'arn' | 'accountId'>,
  trust: PolicyDocument | undefined,
  { service, context }: AskingService,
): boolean {
  if (!trust) return false;
  const principal = { kind: 'service', arn: service, accountId: '', userId: '', canonicalUserId: '' } as const;
  const request = {
    principal,
    action: 'sts:AssumeRole',
    resource: role.arn,
    resourceAccountId: role.accountId,
    context,
  };
  return decide(request, { identity: [], resource: trust }).allowed;
}
