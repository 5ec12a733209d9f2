import { type CompiledStatement, statementsOf } from './compile.js';
import type { Decision, PolicyDocument, PolicyRequest, PolicySources } from './ports.js';

const BY_ROOT: Decision = Object.freeze({ allowed: true, by: 'account root' });
const BY_IDENTITY: Decision = Object.freeze({ allowed: true, by: 'identity policy' });
const BY_RESOURCE: Decision = Object.freeze({ allowed: true, by: 'resource policy' });
const BY_GRANT: Decision = Object.freeze({ allowed: true, by: 'grant' });
const DENIED_BY_IDENTITY: Decision = Object.freeze({ allowed: false, explicit: true, by: 'identity policy' });
const DENIED_BY_RESOURCE: Decision = Object.freeze({ allowed: false, explicit: true, by: 'resource policy' });
const NO_IDENTITY: Decision = Object.freeze({ allowed: false, explicit: false, by: 'no identity policy' });
const NO_RESOURCE: Decision = Object.freeze({ allowed: false, explicit: false, by: 'no resource policy' });
const OTHER_ACCOUNT: Decision = Object.freeze({ allowed: false, explicit: false, by: 'other account' });

/**
 * May the principal do it? An explicit deny wins, wherever it stands. Then, within an account, one side is enough: a resource
 * policy that names the principal itself, a grant, or, where the account is trusted, the root or an identity policy. Between
 * accounts both sides have to allow. Anonymous callers and services have no other side than the resource's.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 *
 * @example
 * decide({ principal: caller, action: 'kms:Decrypt', resource: keyArn, resourceAccountId, context: new Map() },
 *   { identity: caller.policies, resource: keyPolicy });
 */
export function decide(request: PolicyRequest, sources: PolicySources): Decision {
  const { kind, accountId } = request.principal;
  const action = request.action.toLowerCase();
  const identity = effectOfIdentity(sources.identity, action, request);
  if (identity === 'Deny') return DENIED_BY_IDENTITY;
  const resource = effectOfResource(sources.resource, action, request);
  if (resource === 'Deny') return DENIED_BY_RESOURCE;
  if (kind === 'anonymous' || kind === 'service') {
    if (resource === 'principal') return BY_RESOURCE;
    return sources.granted?.() ? BY_GRANT : NO_RESOURCE;
  }
  const own = kind === 'root' || identity === 'Allow';
  if (accountId !== request.resourceAccountId) {
    if (!own) return NO_IDENTITY;
    if (resource !== undefined) return BY_RESOURCE;
    return sources.granted?.() ? BY_GRANT : OTHER_ACCOUNT;
  }
  if (resource === 'principal') return BY_RESOURCE;
  const trusted = resource === 'account' || (sources.accountTrusted ?? sources.resource === undefined);
  if (trusted && own) return kind === 'root' ? BY_ROOT : BY_IDENTITY;
  if (sources.granted?.()) return BY_GRANT;
  return trusted ? NO_IDENTITY : NO_RESOURCE;
}

/** What the caller's own policies say together. */
function effectOfIdentity(
  documents: readonly PolicyDocument[],
  action: string,
  request: PolicyRequest,
): 'Allow' | 'Deny' | undefined {
  let effect: 'Allow' | undefined;
  for (const document of documents) {
    for (const statement of statementsOf(document)) {
      // What is allowed already can only be denied.
      if ((effect !== undefined && !statement.denies) || !applies(statement, action, request)) continue;
      if (statement.denies) return 'Deny';
      effect = 'Allow';
    }
  }
  return effect;
}

/** What the resource's policy says: denied, or allowed to the principal itself, or to its account. */
function effectOfResource(
  document: PolicyDocument | undefined,
  action: string,
  request: PolicyRequest,
): 'Deny' | 'principal' | 'account' | undefined {
  if (document === undefined) return undefined;
  let effect: 'principal' | 'account' | undefined;
  for (const statement of statementsOf(document)) {
    const whom = statement.meant?.(request.principal);
    if (whom === undefined) continue;
    if (!statement.denies && (effect === 'principal' || effect === whom)) continue;
    if (!applies(statement, action, request)) continue;
    if (statement.denies) return 'Deny';
    effect = whom;
  }
  return effect;
}

/** Action, resource and conditions, the cheap ones first; whom a statement means is asked apart. */
function applies({ action, resource, conditions }: CompiledStatement, asked: string, request: PolicyRequest): boolean {
  return action(asked) && resource(request.resource, request) && (conditions === undefined || conditions(request));
}
