import { conditions } from './condition-block.js';
import { PolicyError } from './error.js';
import { type Json, object, only, strings, text } from './json.js';
import type { PolicyDocument, Statement } from './ports.js';
import { principals } from './principal-block.js';

const VERSIONS = ['2012-10-17', '2008-10-17'];
const DOCUMENT_MEMBERS = ['Version', 'Id', 'Statement'];
const IDENTITY_MEMBERS = ['Sid', 'Effect', 'Action', 'NotAction', 'Resource', 'NotResource'];
const RESOURCE_MEMBERS = [...IDENTITY_MEMBERS, 'Principal', 'NotPrincipal', 'Condition'];

/**
 * A policy of a user or role. Conditions, principals and policy variables are refused rather than ignored: a policy that would
 * mean something else than it says must not be taken. @throws PolicyError
 */
export function parseIdentityPolicy(json: unknown): PolicyDocument {
  return parse(json, (statement) => {
    only(statement, IDENTITY_MEMBERS, 'statement');
    if (statement.Resource === undefined && statement.NotResource === undefined) {
      throw new PolicyError('a statement needs either Resource or NotResource');
    }
  });
}

/**
 * A key's own policy. Its conditions are kept; while they can't be evaluated, they fail closed. Policy variables are refused
 * here too: taken as text, a denial that has one would deny nothing. @throws PolicyError
 */
export function parseKeyPolicy(json: unknown): PolicyDocument {
  return parse(json, (statement) => {
    only(statement, RESOURCE_MEMBERS, 'statement');
    if ((statement.Principal === undefined) === (statement.NotPrincipal === undefined)) {
      throw new PolicyError('a statement of a key policy needs either Principal or NotPrincipal');
    }
    if (statement.NotPrincipal !== undefined && statement.Effect === 'Allow') {
      throw new PolicyError('NotPrincipal is only supported with the Effect Deny');
    }
  });
}

function parse(json: unknown, check: (statement: Json) => void): PolicyDocument {
  const document = object(json, 'a policy');
  only(document, DOCUMENT_MEMBERS, 'policy');
  if (document.Version !== undefined && !VERSIONS.includes(document.Version as string)) {
    throw new PolicyError('Version is neither 2012-10-17 nor 2008-10-17');
  }
  const listed = Array.isArray(document.Statement) ? document.Statement : [document.Statement];
  if (listed.length === 0 || document.Statement === undefined) throw new PolicyError('a policy needs a Statement');
  const sids = new Set<string>();
  const statements = listed.map((one, i) => {
    try {
      const statement = object(one, 'a statement');
      check(statement);
      const parsed = parseStatement(statement);
      // AWS takes an empty Sid for none.
      if (parsed.sid && sids.has(parsed.sid)) throw new PolicyError('the Sid is used twice');
      if (parsed.sid) sids.add(parsed.sid);
      return parsed;
    } catch (error) {
      throw error instanceof PolicyError ? new PolicyError(`${nameOf(one, i)}: ${error.message}`) : error;
    }
  });
  return document.Id === undefined ? { statements } : { id: text(document.Id, 'Id'), statements };
}

function nameOf(statement: unknown, index: number): string {
  const sid = (statement as Json | null)?.Sid;
  return typeof sid === 'string' && sid !== '' ? `statement ${index + 1} (${sid})` : `statement ${index + 1}`;
}

function parseStatement(json: Json): Statement {
  if (json.Effect !== 'Allow' && json.Effect !== 'Deny') throw new PolicyError('Effect is neither Allow nor Deny');
  const statement: Statement = { effect: json.Effect };
  if (json.Sid !== undefined) statement.sid = text(json.Sid, 'Sid');
  const actions = strings(json, 'Action');
  const notActions = strings(json, 'NotAction');
  if ((actions === undefined) === (notActions === undefined)) {
    throw new PolicyError('a statement needs either Action or NotAction');
  }
  (actions ?? notActions)!.forEach(requireAction);
  if (actions) statement.actions = actions;
  if (notActions) statement.notActions = notActions;
  const resources = strings(json, 'Resource');
  const notResources = strings(json, 'NotResource');
  if (resources && notResources) throw new PolicyError('a statement has either Resource or NotResource');
  (resources ?? notResources)?.forEach(requireResource);
  if (resources) statement.resources = resources;
  if (notResources) statement.notResources = notResources;
  if (json.Principal !== undefined) statement.principals = principals(json.Principal, 'Principal');
  if (json.NotPrincipal !== undefined) statement.notPrincipals = principals(json.NotPrincipal, 'NotPrincipal');
  const condition = json.Condition === undefined ? undefined : conditions(json.Condition);
  if (condition) statement.conditions = condition;
  return statement;
}

/** `*`, or a service and the name of an action; only the name may have wildcards. */
function requireAction(action: string): void {
  if (action === '*' || action === '*:*') return;
  if (!/^[A-Za-z0-9-]+:[A-Za-z0-9*?]+$/.test(action)) throw new PolicyError(`not an action: ${action}`);
}

function requireResource(resource: string): void {
  if (resource.includes('${')) throw new PolicyError(`policy variables are not supported: ${resource}`);
  if (resource !== '*' && !resource.startsWith('arn:')) throw new PolicyError(`neither an ARN nor "*": ${resource}`);
}
