import { AWS } from '../base/partition.js';
import { PolicyError } from './error.js';
import { object, only, strings } from './json.js';
import { isOf } from './partition.js';
import type { PolicyDocument, PrincipalMatch } from './ports.js';

/** An account, its root, a user, a role or a session. Wildcards would match nothing, so they are no principals. */
const NAMED =
  /^(\d{12}|arn:[a-z-]+:iam::\d{12}:(root|(user|role)\/[\w+=,.@/-]+)|arn:[a-z-]+:sts::\d{12}:(assumed-role|federated-user)\/[\w+=,.@/-]+)$/;
const SERVICE = /^[a-z0-9-]+(\.[a-z0-9-]+)+$/;

/** The value of Principal or NotPrincipal, of a policy in this partition. @throws PolicyError */
export function principals(json: unknown, member: 'Principal' | 'NotPrincipal', partition = AWS): PrincipalMatch {
  if (json === '*') return { any: true };
  const members = object(json, member);
  only(members, ['AWS', 'Service', 'CanonicalUser', 'Federated'], member);
  const aws = strings(members, 'AWS');
  const service = strings(members, 'Service');
  const canonicalUser = strings(members, 'CanonicalUser');
  const federated = strings(members, 'Federated');
  if (!aws && !service && !canonicalUser && !federated) throw new PolicyError(`${member} names nobody`);
  const named = aws?.filter((one) => one !== '*');
  for (const one of named ?? []) {
    requireForm(NAMED, one);
    if (one.startsWith('arn:') && !isOf(partition, one)) throw new PolicyError(`invalid principal: ${one}`);
  }
  for (const one of service ?? []) requireForm(SERVICE, one);
  return {
    ...(aws?.includes('*') && { any: true }),
    ...(named && { aws: named }),
    ...(service && { service }),
    ...(canonicalUser && { canonicalUser }),
    ...(federated && { federated }),
  };
}

/** The accounts, users, roles and sessions that a policy names, each once: whether they exist is for the caller to tell. */
export function principalsOf(document: PolicyDocument): string[] {
  const named = document.statements.flatMap(({ principals, notPrincipals }) => [
    ...(principals?.aws ?? []),
    ...(notPrincipals?.aws ?? []),
  ]);
  return [...new Set(named)];
}

function requireForm(form: RegExp, principal: string): void {
  if (!form.test(principal)) throw new PolicyError(`invalid principal: ${principal}`);
}
