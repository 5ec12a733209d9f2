import type { AclGroup, AclPermission, Grant } from '../../store/records.js';
import type { Accounts } from '../accounts.js';
import { S3Error } from '../error.js';
import { type CannedAcl, cannedGrants } from './canned.js';
import { GROUP_URIS, storedAcl } from './grants.js';

/** A grantee as a request names it. `argument`: what an error calls the place. */
export interface NamedGrantee {
  by: 'id' | 'uri' | 'emailAddress';
  value: string;
  argument: string;
}

export interface NamedGrant {
  grantee: NamedGrantee;
  permission: AclPermission;
}

/** An ACL as a request asks for it: a canned one, or grants one by one. */
export type AclRequest = { canned: CannedAcl } | { grants: readonly NamedGrant[] };

/** S3's limit. */
export const GRANTS_MAX = 100;

/**
 * The grants that a request means, as they are stored: undefined for what every resource has anyway.
 * @throws InvalidArgument, UnresolvableGrantByEmailAddress, AmbiguousGrantByEmailAddress, MalformedACLError
 */
export function resolveAcl(
  request: AclRequest | undefined,
  accounts: Accounts,
  owner: string,
  bucketOwner: string,
): Grant[] | undefined {
  if (!request) return undefined;
  if ('canned' in request) return storedAcl(cannedGrants(request.canned, owner, bucketOwner), owner);
  if (request.grants.length > GRANTS_MAX) throw new S3Error('MalformedACLError');
  const grants = request.grants.map(
    ({ grantee, permission }): Grant => ({ permission, ...resolve(grantee, accounts) }),
  );
  return storedAcl(grants, owner);
}

function resolve({ by, value, argument }: NamedGrantee, accounts: Accounts): { account: string } | { group: AclGroup } {
  if (by === 'uri') {
    const group = (Object.keys(GROUP_URIS) as AclGroup[]).find((name) => GROUP_URIS[name] === value);
    if (!group) throw invalid('Invalid group uri', argument, value);
    return { group };
  }
  if (by === 'id') return { account: requireCanonicalId(value, argument, accounts) };
  const found = accounts.byEmail(value);
  if (found.length === 0) throw new S3Error('UnresolvableGrantByEmailAddress');
  if (found.length > 1) throw new S3Error('AmbiguousGrantByEmailAddress');
  return { account: found[0]! };
}

export function requireCanonicalId(id: string, argument: string, accounts: Accounts): string {
  const account = accounts.byCanonicalId(id);
  if (account === undefined) throw invalid('Invalid id', argument, id);
  return account;
}

function invalid(message: string, argument: string, value: string): S3Error {
  return new S3Error('InvalidArgument', { message, extra: { ArgumentName: argument, ArgumentValue: value } });
}
