import { AWS } from '../base/partition.js';
import { PolicyError } from './error.js';
import { type Json, object, only, strings, text } from './json.js';
import { parseJson } from './json-text.js';
import type { PolicyDocument, PolicyVersion } from './ports.js';
import { parseStatement } from './statement.js';

const VERSIONS: readonly unknown[] = ['2012-10-17', '2008-10-17'] satisfies PolicyVersion[];
const DOCUMENT_MEMBERS = ['Version', 'Id', 'Statement'];
const IDENTITY_MEMBERS = ['Sid', 'Effect', 'Action', 'NotAction', 'Resource', 'NotResource', 'Condition'];
const RESOURCE_MEMBERS = [...IDENTITY_MEMBERS, 'Principal', 'NotPrincipal'];
const TRUST_MEMBERS = RESOURCE_MEMBERS.filter((member) => !member.endsWith('Resource'));

/**
 * A policy of a user or role. What isn't understood is refused rather than ignored: a policy that would mean something else than
 * it says must not be taken.
 * @param json the text of a policy, or what JSON.parse made of it; only of a text members written twice are noticed
 * @param partition that of the region: ARNs of others are refused
 * @throws PolicyError
 */
export function parseIdentityPolicy(json: unknown, partition = AWS): PolicyDocument {
  return parseDocument(json, partition, (statement) => {
    only(statement, IDENTITY_MEMBERS, 'statement');
    if (typeof statement.Sid === 'string' && !/^[0-9A-Za-z]*$/.test(statement.Sid)) {
      throw new PolicyError('the Sid is not of letters and digits');
    }
    if (statement.Action === undefined && statement.NotAction === undefined) {
      throw new PolicyError('a statement needs either Action or NotAction');
    }
    if (statement.Resource === undefined && statement.NotResource === undefined) {
      throw new PolicyError('a statement needs either Resource or NotResource');
    }
  });
}

/**
 * A key's own policy. As in AWS, a statement without an action or a resource is taken and has no effect.
 * https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html
 * @param json the text of a policy, or what JSON.parse made of it; only of a text members written twice are noticed
 * @throws PolicyError
 */
export function parseKeyPolicy(json: unknown, partition = AWS): PolicyDocument {
  return parseDocument(json, partition, (statement) => {
    only(statement, RESOURCE_MEMBERS, 'statement');
    if ((statement.Principal === undefined) === (statement.NotPrincipal === undefined)) {
      throw new PolicyError('a statement of a key policy needs either Principal or NotPrincipal');
    }
    if (statement.NotPrincipal !== undefined && statement.Effect === 'Allow') {
      throw new PolicyError('NotPrincipal is only supported with the Effect Deny');
    }
  });
}

/**
 * Who may act as a role. It stands at its role, and so has no resource: what it allows it allows of that.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_update-role-trust-policy.html
 * @param json as above
 * @throws PolicyError
 */
export function parseTrustPolicy(json: unknown, partition = AWS): PolicyDocument {
  const parsed = parseDocument(json, partition, (statement) => {
    only(statement, TRUST_MEMBERS, 'statement');
    if ((statement.Principal === undefined) === (statement.NotPrincipal === undefined)) {
      throw new PolicyError('a statement of a trust policy needs either Principal or NotPrincipal');
    }
    if (statement.NotPrincipal !== undefined && statement.Effect === 'Allow') {
      throw new PolicyError('NotPrincipal is only supported with the Effect Deny');
    }
    const actions = strings(statement, 'Action') ?? strings(statement, 'NotAction') ?? [];
    if (actions.length === 0) throw new PolicyError('a statement needs either Action or NotAction');
    if (!actions.every((action) => /^sts:/i.test(action))) {
      throw new PolicyError('a trust policy may only specify actions of STS');
    }
  });
  return { ...parsed, statements: parsed.statements.map((statement) => ({ ...statement, resources: ['*'] })) };
}

/** @param check what the kind of policy asks of a statement besides */
export function parseDocument(json: unknown, partition: string, check: (statement: Json) => void): PolicyDocument {
  const document = object(typeof json === 'string' ? parseJson(json) : json, 'a policy');
  only(document, DOCUMENT_MEMBERS, 'policy');
  if (document.Version !== undefined && !VERSIONS.includes(document.Version)) {
    throw new PolicyError('Version is neither 2012-10-17 nor 2008-10-17');
  }
  const version = document.Version as PolicyVersion | undefined;
  const listed = Array.isArray(document.Statement) ? document.Statement : [document.Statement];
  if (listed.length === 0 || document.Statement === undefined) throw new PolicyError('a policy needs a Statement');
  const sids = new Set<string>();
  const statements = listed.map((one, i) => {
    try {
      const statement = object(one, 'a statement');
      check(statement);
      const parsed = parseStatement(statement, version ?? '2008-10-17', partition);
      // AWS takes an empty Sid for none.
      if (parsed.sid && sids.has(parsed.sid)) throw new PolicyError('the Sid is used twice');
      if (parsed.sid) sids.add(parsed.sid);
      return parsed;
    } catch (error) {
      throw error instanceof PolicyError ? new PolicyError(`${nameOf(one, i)}: ${error.message}`) : error;
    }
  });
  return {
    ...(document.Id !== undefined && { id: text(document.Id, 'Id') }),
    ...(version !== undefined && { version }),
    statements,
  };
}

function nameOf(statement: unknown, index: number): string {
  const sid = (statement as Json | null)?.Sid;
  return typeof sid === 'string' && sid !== '' ? `statement ${index + 1} (${sid})` : `statement ${index + 1}`;
}
