import { randomId } from '../../base/ids.js';
import { type NewVersion, NotVersioned, type PutOptions, type Removal } from '../../store/objects.js';
import type { Grant, ObjectRecord, ReplicaOrigin, UploadRecord, VersionLock } from '../../store/records.js';
import { isPublicAcl } from '../acl/grants.js';
import { newObject } from '../acl/new-object.js';
import { aclsDisabled } from '../acl/owner.js';
import type { AclRequest } from '../acl/request.js';
import { denial } from '../denial.js';
import { S3Error } from '../error.js';
import type { Tag } from '../fields/tagging.js';
import { type OperationContext, objectArn } from '../operation.js';
import { requireLiveVersion } from '../require-version.js';
import type { ReplicaHeader } from './replica-header.js';

/** Whose a new version is, and its ACL: of a replica as its source says, where the accounts are known here. */
export function ownerOf(
  replica: ReplicaHeader | undefined,
  request: AclRequest | undefined,
  key: string,
  context: OperationContext,
): { ownerAccountId: string; acl: Grant[] | undefined } {
  if (!replica) return newObject(request, key, context);
  const { facts, caller, services } = context;
  const bucket = facts.bucket.record;
  // Before the body is taken; the commit looks again.
  if (bucket.versioning !== 'Enabled') throw new NotVersioned(bucket.name);
  if (aclsDisabled(bucket) || replica.ownerOverride) return { ownerAccountId: bucket.ownerAccountId, acl: undefined };
  const isKnown = (account: string): boolean => services.accounts.owner(account) !== undefined;
  if (!isKnown(replica.ownerAccountId)) return { ownerAccountId: caller.accountId, acl: undefined };
  const acl = replica.acl?.filter((grant) => 'group' in grant || isKnown(grant.account));
  if (bucket.publicAccessBlock?.blockPublicAcls && isPublicAcl(acl)) {
    const permission = { action: 's3:ReplicateObject', resource: objectArn(bucket.name, key) } as const;
    throw denial(caller, permission, bucket.ownerAccountId, 'BlockPublicAcls');
  }
  return { ownerAccountId: replica.ownerAccountId, acl };
}

/** Without `s3:ReplicateTags` the replica comes without tags, as on AWS. */
export function tagsOf(
  replica: ReplicaHeader | undefined,
  tags: Tag[] | undefined,
  key: string,
  { allowed, facts }: OperationContext,
): Tag[] | undefined {
  if (!replica || !tags?.length) return tags;
  const bucket = facts.bucket.record;
  return allowed({ action: 's3:ReplicateTags', resource: objectArn(bucket.name, key) }, bucket) ? tags : undefined;
}

/** Is the replica here already? A source that was cut off before it could note so sends it again. */
export async function findReplica(
  replica: ReplicaHeader | undefined,
  key: string,
  { facts, services }: OperationContext,
): Promise<ObjectRecord | undefined> {
  if (!replica) return undefined;
  const found = await services.objects.find(facts.bucket.record.bucketId, key, replica.versionId);
  return found?.record;
}

/** Makes the version, or, of a replica that came twice, answers with the first; `isNew` tells whether the body is needed. */
export async function putVersion(
  origin: ReplicaOrigin | undefined,
  key: string,
  version: NewVersion,
  options: PutOptions,
  { facts, services }: OperationContext,
): Promise<{ record: ObjectRecord; isNew: boolean }> {
  if (!origin) return { record: await services.objects.put(facts.bucket, key, version, options), isNew: true };
  const { versionId, lastModifiedMs } = origin;
  return services.objects.putReplica(facts.bucket, key, { ...version, versionId, lastModifiedMs }, options);
}

/** A delete marker that another bucket got. */
export async function putReplicaMarker(
  { versionId, lastModifiedMs, ownerAccountId }: ReplicaHeader,
  key: string,
  { facts, services }: OperationContext,
): Promise<Removal> {
  const marker = { objectId: randomId().toString('hex'), ownerAccountId, versionId, lastModifiedMs };
  await services.objects.putReplica(facts.bucket, key, marker);
  return { versionId, deleteMarker: true };
}

/** Tags, ACL and lock of a replica become what they are at its source by now. @throws NoSuchVersion */
export async function changeReplica(
  replica: ReplicaHeader,
  to: { tags: Tag[] | undefined; lock: VersionLock | undefined },
  key: string,
  context: OperationContext,
): Promise<ObjectRecord> {
  const { facts, services, allowed, fields } = context;
  const bucket = facts.bucket.record;
  const { acl } = ownerOf(replica, undefined, key, context);
  const may = (action: `s3:${string}`): boolean => allowed({ action, resource: objectArn(bucket.name, key) }, bucket);
  const [tagsToo, bypassGovernance] = [may('s3:ReplicateTags'), may('s3:BypassGovernanceRetention')];
  const request = { method: fields.method, key, versionId: replica.versionId };
  const changed = await services.objects.replace(
    facts.bucket,
    key,
    replica.versionId,
    (found) => {
      const { record, content } = requireLiveVersion(found, request);
      const { tags: oldTags, acl: _, ...others } = content;
      const tags = tagsToo ? to.tags : oldTags;
      // What the source never locked may be locked here, by the bucket's default.
      const lock = to.lock ? { ...content.lock, ...to.lock } : content.lock;
      return {
        ...record,
        content: { ...others, ...(tags?.length ? { tags } : {}), ...(acl && { acl }), ...(lock && { lock }) },
      };
    },
    { bypassGovernance },
  );
  return requireLiveVersion(changed, request).record;
}

/** Parts and the end of an upload that is to be a replica are its sender's alone, and no other upload's. @throws AccessDenied */
export function requireSameReplica(replica: ReplicaHeader | undefined, upload: UploadRecord): void {
  if (replica?.versionId !== upload.replica?.versionId) throw new S3Error('AccessDenied');
}

/** Earlier attempts at the same replica that were cut off. */
export async function abortEarlierUploads(
  { versionId }: ReplicaOrigin,
  key: string,
  { facts, services }: OperationContext,
): Promise<void> {
  for await (const upload of services.uploads.ofKey(facts.bucket.record.bucketId, key)) {
    if (upload.record.replica?.versionId === versionId) await services.uploads.abort(upload).catch(() => {});
  }
}
