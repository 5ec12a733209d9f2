import type { Grant, ReplicaOrigin } from '../../store/records.js';
import { sequenceOf } from '../../store/version-id.js';
import { S3Error } from '../error.js';
import { type Field, objectArn, type Permission } from '../operation.js';

/**
 * What one Coffer tells another about a replica: base64url of JSON. S3 has no such header; other endpoints take no notice of it.
 * Whoever sends it needs `s3:ReplicateObject` or `s3:ReplicateDelete` instead of the permission to put or delete.
 */
export const REPLICA_HEADER = 'x-amz-coffer-replica';

export interface ReplicaHeader extends ReplicaOrigin {
  ownerAccountId: string;
  acl?: readonly Grant[];
  /** `AccessControlTranslation`: it belongs to the owner of the bucket it comes to. */
  ownerOverride?: true;
  /** No new version: tags, ACL and lock of the one that has this id become these. */
  changes?: true;
}

/** A sequence near the end of what an id can carry would leave no room for versions after it. */
const SEQUENCE_MAX = 2 ** 47;
const HEADER_MAX_CHARACTERS = 32_768;

export const encodeReplica = (replica: ReplicaHeader): string =>
  Buffer.from(JSON.stringify(replica)).toString('base64url');

export const replica: Field<ReplicaHeader | undefined> = {
  read: ({ headers, sseCustomer }) => {
    const value = headers[REPLICA_HEADER];
    if (value === undefined) return undefined;
    const decoded = value.length <= HEADER_MAX_CHARACTERS ? decode(value) : undefined;
    if (!decoded) throw invalid();
    // A customer's key never travels.
    if (sseCustomer)
      throw new S3Error('InvalidRequest', { message: 'A replica cannot be under a customer-provided key.' });
    return decoded;
  },
};

/** What whoever writes a replica, or a part of one, must be allowed. */
export function needsOfReplica({ ownerOverride }: ReplicaHeader, bucket: string, key: string): Permission[] {
  const resource = objectArn(bucket, key);
  const needed: Permission[] = [{ action: 's3:ReplicateObject', resource }];
  if (ownerOverride) needed.push({ action: 's3:ObjectOwnerOverrideToBucketOwner', resource });
  return needed;
}

function decode(text: string): ReplicaHeader | undefined {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof json !== 'object' || json === null) return undefined;
  const { versionId, lastModifiedMs, ownerAccountId, acl, ownerOverride, changes } = json as Record<string, unknown>;
  if (typeof versionId !== 'string' || !((sequenceOf(versionId) ?? Number.NaN) <= SEQUENCE_MAX)) return undefined;
  if (!Number.isSafeInteger(lastModifiedMs) || typeof ownerAccountId !== 'string') return undefined;
  if (!/^(\d{12})?$/.test(ownerAccountId)) return undefined;
  if (acl !== undefined && !(Array.isArray(acl) && acl.length <= 100 && acl.every(isGrant))) return undefined;
  return {
    versionId,
    lastModifiedMs: lastModifiedMs as number,
    ownerAccountId,
    ...(acl ? { acl: acl as Grant[] } : {}),
    ...(ownerOverride === true && { ownerOverride }),
    ...(changes === true && { changes }),
  };
}

const PERMISSIONS: ReadonlySet<unknown> = new Set(['READ', 'WRITE', 'READ_ACP', 'WRITE_ACP', 'FULL_CONTROL']);
const GROUPS: ReadonlySet<unknown> = new Set(['AllUsers', 'AuthenticatedUsers', 'LogDelivery']);

function isGrant(json: unknown): boolean {
  if (typeof json !== 'object' || json === null) return false;
  const { permission, account, group, ...others } = json as Record<string, unknown>;
  if (!PERMISSIONS.has(permission) || Object.keys(others).length > 0) return false;
  return group === undefined ? typeof account === 'string' : account === undefined && GROUPS.has(group);
}

const invalid = (): S3Error =>
  new S3Error('InvalidArgument', {
    message: `The header ${REPLICA_HEADER} is not what a Coffer sends.`,
    extra: { ArgumentName: REPLICA_HEADER },
  });
