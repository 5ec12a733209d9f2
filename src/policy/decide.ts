import { type CompiledStatement, statementsOf } from './compile.js';
import type { Decision, PolicyDocument, PolicyRequest } from './ports.js';
import { meant } from './principal.js';

export interface PolicySources {
  /** Of the caller: user or role. */
  identity: readonly PolicyDocument[];
  /** Of the resource: a key's or a bucket's policy. */
  resource?: PolicyDocument;
  /**
   * Whether the account that owns the resource decides over it by identity policies, whatever the resource policy says. True of
   * buckets. A KMS key answers only to an account that its policy trusts. Default: true without a resource policy.
   */
  accountTrusted?: boolean;
}

/**
 * May the principal do it? An explicit deny wins, wherever it stands. Then a resource policy that names the principal itself
 * allows; otherwise the account has to be trusted, and in a trusted account the root may do everything and others what their
 * identity policies allow. Nobody reaches another account's resources.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 *
 * @example
 * decide({ principal: caller, action: 'kms:Decrypt', resource: keyArn, resourceAccountId, context: new Map() },
 *   { identity: caller.policies, resource: keyPolicy });
 */
export function decide(request: PolicyRequest, sources: PolicySources): Decision {
  const { principal } = request;
  const action = request.action.toLowerCase();
  const identity = effectOfIdentity(sources.identity, action, request);
  if (identity === 'Deny') return denied(true, 'identity policy');
  const resource = effectOfResource(sources.resource, action, request);
  if (resource === 'Deny') return denied(true, 'resource policy');
  if (principal.accountId === '' || principal.accountId !== request.resourceAccountId) {
    return denied(false, 'other account');
  }
  if (resource === 'principal') return { allowed: true, by: 'resource policy' };
  const accountTrusted = sources.accountTrusted ?? sources.resource === undefined;
  if (!accountTrusted && resource !== 'account') return denied(false, 'resource policy');
  if (principal.kind === 'root') return { allowed: true, by: 'account root' };
  return identity === 'Allow' ? { allowed: true, by: 'identity policy' } : denied(false, 'no identity policy');
}

const denied = (explicit: boolean, by: string): Decision => ({ allowed: false, explicit, by });

/** What the caller's own policies say together. */
function effectOfIdentity(
  documents: readonly PolicyDocument[],
  action: string,
  request: PolicyRequest,
): 'Allow' | 'Deny' | undefined {
  let effect: 'Allow' | undefined;
  for (const document of documents) {
    for (const statement of statementsOf(document)) {
      if (!applies(statement, action, request)) continue;
      if (statement.statement.effect === 'Deny') return 'Deny';
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
  let effect: 'principal' | 'account' | undefined;
  for (const statement of document ? statementsOf(document) : []) {
    const whom = meant(statement.statement, request.principal);
    if (whom === undefined || !applies(statement, action, request)) continue;
    if (statement.statement.effect === 'Deny') return 'Deny';
    if (effect !== 'principal') effect = whom;
  }
  return effect;
}

/** Action, resource and conditions; whom a statement means is asked apart. */
function applies({ statement, action, resource }: CompiledStatement, asked: string, request: PolicyRequest): boolean {
  // Conditions can't be evaluated yet: an allowance with one opens nothing, a denial with one always denies.
  if (statement.conditions !== undefined && statement.effect === 'Allow') return false;
  return action(asked) && resource(request.resource);
}
