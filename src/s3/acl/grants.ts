import type { AclGroup, AclPermission, Grant } from '../../store/records.js';

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html */
export const GROUP_URIS: Readonly<Record<AclGroup, string>> = {
  AllUsers: 'http://acs.amazonaws.com/groups/global/AllUsers',
  AuthenticatedUsers: 'http://acs.amazonaws.com/groups/global/AuthenticatedUsers',
  LogDelivery: 'http://acs.amazonaws.com/groups/s3/LogDelivery',
};

/** As S3 lists the headers of explicit grants. */
export const PERMISSIONS: readonly AclPermission[] = ['READ', 'WRITE', 'READ_ACP', 'WRITE_ACP', 'FULL_CONTROL'];

/** An ACL that nobody put: everything for the owner. */
export const privateAcl = (owner: string): Grant[] => [{ account: owner, permission: 'FULL_CONTROL' }];

/** What records keep of an ACL: nothing where it says no more than the default. */
export function storedAcl(grants: readonly Grant[], owner: string): Grant[] | undefined {
  const [only] = grants;
  const isDefault = grants.length === 1 && only && 'account' in only && only.account === owner;
  return isDefault && only.permission === 'FULL_CONTROL' ? undefined : [...grants];
}

/** Who asks an ACL. */
export interface AclCaller {
  /** Empty: nobody signed. */
  accountId: string;
  /** What is granted to the account doesn't count: of a user in the owner's account, whom policies rule. */
  groupsOnly?: boolean;
  /** IgnorePublicAcls: what is granted to everyone doesn't count. */
  ignorePublic?: boolean | undefined;
}

/** Does the ACL grant the permission, by itself or as part of FULL_CONTROL? */
export function aclGrants(acl: readonly Grant[], permission: AclPermission, caller: AclCaller): boolean {
  return acl.some(
    (grant) => (grant.permission === permission || grant.permission === 'FULL_CONTROL') && meant(grant, caller),
  );
}

function meant(grant: Grant, { accountId, groupsOnly, ignorePublic }: AclCaller): boolean {
  if ('account' in grant) return !groupsOnly && accountId !== '' && grant.account === accountId;
  if (ignorePublic) return false;
  return grant.group === 'AllUsers' || (grant.group === 'AuthenticatedUsers' && accountId !== '');
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status */
export function isPublicAcl(acl: readonly Grant[] | undefined): boolean {
  return acl?.some((grant) => 'group' in grant && grant.group !== 'LogDelivery') ?? false;
}
