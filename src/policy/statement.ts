import { compileStatement } from './compile.js';
import { conditions } from './condition-block.js';
import { PolicyError } from './error.js';
import { type Json, strings, text } from './json.js';
import { isOf } from './partition.js';
import type { PolicyVersion, Statement } from './ports.js';
import { principals } from './principal-block.js';

/** One statement; which elements the kind of policy may have is checked before. @throws PolicyError */
export function parseStatement(json: Json, version: PolicyVersion, partition: string): Statement {
  if (json.Effect !== 'Allow' && json.Effect !== 'Deny') throw new PolicyError('Effect is neither Allow nor Deny');
  const statement: Statement = { effect: json.Effect };
  if (json.Sid !== undefined) statement.sid = text(json.Sid, 'Sid');
  const actions = strings(json, 'Action');
  const notActions = strings(json, 'NotAction');
  if (actions && notActions) throw new PolicyError('a statement needs either Action or NotAction');
  (actions ?? notActions)?.forEach(requireAction);
  if (actions) statement.actions = actions;
  if (notActions) statement.notActions = notActions;
  const resources = strings(json, 'Resource');
  const notResources = strings(json, 'NotResource');
  if (resources && notResources) throw new PolicyError('a statement has either Resource or NotResource');
  for (const one of resources ?? notResources ?? []) requireResource(one, partition);
  if (resources) statement.resources = resources;
  if (notResources) statement.notResources = notResources;
  if (json.Principal !== undefined) statement.principals = principals(json.Principal, 'Principal', partition);
  if (json.NotPrincipal !== undefined)
    statement.notPrincipals = principals(json.NotPrincipal, 'NotPrincipal', partition);
  const condition = json.Condition === undefined ? undefined : conditions(json.Condition);
  if (condition) statement.conditions = condition;
  // A variable or a value that can't be understood is refused now: at a request it could only be guessed.
  compileStatement(statement, version);
  return statement;
}

/** `*`, or a service and the name of an action; only the name may have wildcards. */
function requireAction(action: string): void {
  if (action === '*' || action === '*:*') return;
  if (!/^[A-Za-z0-9-]+:[A-Za-z0-9*?]+$/.test(action)) throw new PolicyError(`not an action: ${action}`);
}

function requireResource(resource: string, partition: string): void {
  if (resource === '*') return;
  if (!resource.startsWith('arn:')) throw new PolicyError(`neither an ARN nor "*": ${resource}`);
  if (!isOf(partition, resource)) throw new PolicyError(`not of the partition ${partition}: ${resource}`);
}
