import { matchesAction, matchesWildcard } from './match.js';
import type { Decision, PolicyDocument, PolicyRequest, Principal, PrincipalMatch, Statement } from './ports.js';

export interface PolicySources {
  /** Of the caller: user or role. */
  identity: readonly PolicyDocument[];
  /** Of the resource: a key's policy. Without one, the resource's account decides by its identity policies. */
  resource?: PolicyDocument;
}

/**
 * May the principal do it? An explicit deny wins. Within the account that owns the resource, its root or an identity policy
 * decides, or a resource policy that names the principal. A resource with a policy of its own (a KMS key) lets the account in
 * only where that policy trusts the account. Nobody reaches another account's resources.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
export function decide(request: PolicyRequest, sources: PolicySources): Decision {
  const { principal } = request;
  for (const document of sources.identity) {
    if (document.statements.some((statement) => applies(statement, request, 'Deny')))
      return denied(true, 'identity policy');
  }
  const named = sources.resource?.statements.filter((one) => principalApplies(one, principal)) ?? [];
  if (named.some((statement) => applies(statement, request, 'Deny'))) return denied(true, 'resource policy');
  if (principal.accountId === '' || principal.accountId !== request.resourceAccountId)
    return denied(false, 'other account');
  const trusting = named.filter((statement) => applies(statement, request, 'Allow'));
  if (trusting.some((statement) => namesItself(statement, principal))) return { allowed: true, by: 'resource policy' };
  // A statement that names the account trusts its administration: identity policies (the root has all rights) decide.
  const accountTrusted = sources.resource === undefined || trusting.length > 0;
  if (!accountTrusted) return denied(false, 'resource policy');
  if (principal.kind === 'root') return { allowed: true, by: 'account root' };
  for (const document of sources.identity) {
    if (document.statements.some((statement) => applies(statement, request, 'Allow'))) {
      return { allowed: true, by: 'identity policy' };
    }
  }
  return denied(false, 'no identity policy');
}

const denied = (explicit: boolean, by: string): Decision => ({ allowed: false, explicit, by });

/** Action, resource and conditions; who is asked for apart. */
function applies(statement: Statement, request: PolicyRequest, effect: Statement['effect']): boolean {
  if (statement.effect !== effect) return false;
  // Conditions can't be evaluated yet: an allowance with one opens nothing, a denial with one always denies.
  if (statement.conditions !== undefined && effect === 'Allow') return false;
  return actionApplies(statement, request.action) && resourceApplies(statement, request.resource);
}

function actionApplies(statement: Statement, action: string): boolean {
  if (statement.actions) return statement.actions.some((pattern) => matchesAction(pattern, action));
  return !statement.notActions!.some((pattern) => matchesAction(pattern, action));
}

/** A key policy may leave the resource out: it is the key. */
function resourceApplies(statement: Statement, resource: string): boolean {
  if (statement.resources) return statement.resources.some((pattern) => matchesWildcard(pattern, resource));
  if (statement.notResources) return !statement.notResources.some((pattern) => matchesWildcard(pattern, resource));
  return true;
}

function principalApplies(statement: Statement, principal: Principal): boolean {
  if (statement.principals)
    return names(statement.principals, principal) || trustsAccount(statement.principals, principal);
  if (statement.notPrincipals) {
    return !names(statement.notPrincipals, principal) && !trustsAccount(statement.notPrincipals, principal);
  }
  return false;
}

/** Is the principal itself meant, not only its account? */
function namesItself(statement: Statement, principal: Principal): boolean {
  return statement.principals !== undefined && principal.kind !== 'root' && names(statement.principals, principal);
}

function names(match: PrincipalMatch, principal: Principal): boolean {
  if (match.any) return true;
  if (match.aws?.includes(principal.arn) && principal.arn !== '') return true;
  return match.canonicalUser?.includes(principal.canonicalUserId) === true && principal.canonicalUserId !== '';
}

function trustsAccount(match: PrincipalMatch, { accountId }: Principal): boolean {
  if (accountId === '' || !match.aws) return false;
  return match.aws.includes(accountId) || match.aws.includes(`arn:aws:iam::${accountId}:root`);
}
