import type { BucketRecord, Grant } from '../../store/records.js';
import { denial } from '../denial.js';
import { S3Error } from '../error.js';
import type { SentAcl } from '../fields/acl-body.js';
import type { OperationContext, Permission } from '../operation.js';
import { isPublicAcl } from './grants.js';
import { aclsDisabled } from './owner.js';
import { requireCanonicalId, resolveAcl } from './request.js';

/**
 * The ACL that PutBucketAcl or PutObjectAcl is to store: undefined for the default. `bucket`: whose ownership and public access
 * block decide; `owner`: the resource's, whom no ACL changes.
 * @throws AccessControlListNotSupported, AccessDenied, InvalidArgument, MalformedACLError, Unresolvable- and
 * AmbiguousGrantByEmailAddress
 */
export function requirePuttable(
  sent: SentAcl,
  bucket: BucketRecord,
  owner: string,
  permission: Permission,
  { caller, services }: OperationContext,
): Grant[] | undefined {
  const { accounts } = services;
  const acl = resolveAcl(sent.request, accounts, owner, bucket.ownerAccountId);
  if (aclsDisabled(bucket)) throw new S3Error('AccessControlListNotSupported');
  if (sent.owner !== undefined && requireCanonicalId(sent.owner, 'CanonicalUser/ID', accounts) !== owner) {
    throw new S3Error('AccessDenied');
  }
  if (bucket.publicAccessBlock?.blockPublicAcls && isPublicAcl(acl)) {
    throw denial(caller, permission, bucket.ownerAccountId, 'BlockPublicAcls');
  }
  return acl;
}
