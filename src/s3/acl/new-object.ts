import type { Grant } from '../../store/records.js';
import { denial } from '../denial.js';
import { S3Error } from '../error.js';
import { type OperationContext, objectArn, type Permission } from '../operation.js';
import { isPublicAcl } from './grants.js';
import { aclsDisabled, ownerOfNew } from './owner.js';
import { type AclRequest, resolveAcl } from './request.js';

/** What naming an ACL with a new object needs besides. */
export const needsOfAcl = (acl: AclRequest | undefined, resource: string): Permission[] =>
  acl ? [{ action: 's3:PutObjectAcl', resource, ofNewObject: true }] : [];

/**
 * Whose a new object or upload is, and its ACL as it is stored.
 * @throws AccessControlListNotSupported, AccessDenied (BlockPublicAcls), and what `resolveAcl` throws
 */
export function newObject(
  request: AclRequest | undefined,
  key: string,
  { facts, caller, fields, services }: OperationContext,
): { ownerAccountId: string; acl: Grant[] | undefined } {
  const bucket = facts.bucket.record;
  const bucketOwner = bucket.ownerAccountId;
  const ownerAccountId = ownerOfNew(bucket, caller, fields.headers['x-amz-acl']);
  if (request && aclsDisabled(bucket)) {
    // All that may be asked for is what the bucket's owner has anyway.
    const inVain = 'canned' in request && request.canned === 'bucket-owner-full-control';
    const acl = inVain ? undefined : resolveAcl(request, services.accounts, bucketOwner, bucketOwner);
    if (acl || ('canned' in request && !inVain)) throw new S3Error('AccessControlListNotSupported');
    return { ownerAccountId, acl: undefined };
  }
  const acl = resolveAcl(request, services.accounts, ownerAccountId, bucketOwner);
  if (bucket.publicAccessBlock?.blockPublicAcls && isPublicAcl(acl)) {
    const permission = { action: 's3:PutObject', resource: objectArn(bucket.name, key) } as const;
    throw denial(caller, permission, bucketOwner, 'BlockPublicAcls');
  }
  return { ownerAccountId, acl };
}
