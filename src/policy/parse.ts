import { PolicyError } from './error.js';
import type { PolicyDocument, PrincipalMatch, Statement } from './ports.js';

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
    for (const member of ['Resource', 'NotResource'] as const) {
      for (const value of strings(statement, member) ?? []) {
        if (value.includes('${')) throw new PolicyError(`policy variables are not supported: ${value}`);
      }
    }
    if (strings(statement, 'Resource') === undefined && strings(statement, 'NotResource') === undefined) {
      throw new PolicyError('a statement needs Resource or NotResource');
    }
  });
}

/** A key's own policy. Its conditions are kept; while they can't be evaluated, they fail closed. @throws PolicyError */
export function parseKeyPolicy(json: unknown): PolicyDocument {
  return parse(json, (statement) => {
    only(statement, RESOURCE_MEMBERS, 'statement');
    if (statement.Principal === undefined && statement.NotPrincipal === undefined) {
      throw new PolicyError('a statement of a key policy needs Principal or NotPrincipal');
    }
  });
}

type Json = Record<string, unknown>;

function parse(json: unknown, check: (statement: Json) => void): PolicyDocument {
  const document = object(json, 'a policy');
  only(document, DOCUMENT_MEMBERS, 'policy');
  if (document.Version !== undefined && !VERSIONS.includes(document.Version as string)) {
    throw new PolicyError('Version is neither 2012-10-17 nor 2008-10-17');
  }
  const listed = Array.isArray(document.Statement) ? document.Statement : [document.Statement];
  if (listed.length === 0 || document.Statement === undefined) throw new PolicyError('a policy needs a Statement');
  const parsed: PolicyDocument = {
    statements: listed.map((one) => {
      const statement = object(one, 'a statement');
      check(statement);
      return parseStatement(statement);
    }),
  };
  if (typeof document.Id === 'string') parsed.id = document.Id;
  return parsed;
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
  for (const action of actions ?? notActions ?? []) {
    if (action !== '*' && !/^[a-z0-9-]+:[A-Za-z*?]+$/.test(action)) throw new PolicyError(`not an action: ${action}`);
  }
  if (actions) statement.actions = actions;
  if (notActions) statement.notActions = notActions;
  const resources = strings(json, 'Resource');
  const notResources = strings(json, 'NotResource');
  if (resources && notResources) throw new PolicyError('a statement has either Resource or NotResource');
  if (resources) statement.resources = resources;
  if (notResources) statement.notResources = notResources;
  if (json.Principal !== undefined) statement.principals = principals(json.Principal);
  if (json.NotPrincipal !== undefined) statement.notPrincipals = principals(json.NotPrincipal);
  if (json.Condition !== undefined) statement.conditions = conditions(json.Condition);
  return statement;
}

function principals(json: unknown): PrincipalMatch {
  if (json === '*') return { any: true };
  const match: PrincipalMatch = {};
  const members = object(json, 'Principal');
  only(members, ['AWS', 'Service', 'CanonicalUser', 'Federated'], 'Principal');
  const aws = strings(members, 'AWS');
  if (aws?.includes('*')) match.any = true;
  if (aws) match.aws = aws.filter((one) => one !== '*');
  const service = strings(members, 'Service');
  if (service) match.service = service;
  const canonicalUser = strings(members, 'CanonicalUser');
  if (canonicalUser) match.canonicalUser = canonicalUser;
  return match;
}

function conditions(json: unknown): Record<string, Record<string, string[]>> {
  const parsed: Record<string, Record<string, string[]>> = {};
  for (const [operator, keys] of Object.entries(object(json, 'Condition'))) {
    parsed[operator] = {};
    const members = object(keys, `Condition ${operator}`);
    for (const key of Object.keys(members)) {
      const values = Array.isArray(members[key]) ? members[key] : [members[key]];
      parsed[operator][key] = values.map((value) => {
        if (typeof value === 'object' || value === undefined)
          throw new PolicyError(`a value of ${operator} is no text`);
        return String(value);
      });
    }
  }
  return parsed;
}

function object(json: unknown, what: string): Json {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new PolicyError(`${what} is not a JSON object`);
  return json as Json;
}

function text(json: unknown, what: string): string {
  if (typeof json !== 'string') throw new PolicyError(`${what} is not a text`);
  return json;
}

function strings(json: Json, member: string): string[] | undefined {
  const value = json[member];
  if (value === undefined) return undefined;
  const listed = Array.isArray(value) ? value : [value];
  if (listed.length === 0) throw new PolicyError(`${member} is empty`);
  return listed.map((one) => text(one, member));
}

function only(json: Json, members: readonly string[], what: string): void {
  for (const member of Object.keys(json)) {
    if (!members.includes(member)) throw new PolicyError(`${what} has the unsupported element ${member}`);
  }
}
