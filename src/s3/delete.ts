import type { Removal } from '../store/objects.js';
import type { ObjectRecord } from '../store/records.js';
import { NULL_VERSION, sequenceOf } from '../store/version-id.js';
import { VersionLocked } from '../store/version-lock.js';
import { S3Error } from './error.js';
import { asS3Error } from './failures.js';
import { etagMatches } from './fields/conditions.js';
import { mayBypassGovernance } from './object-lock.js';
import { type Apart, type OperationContext, objectArn, type Permission } from './operation.js';

/** Deletes a key or one version of it, for DeleteObject and DeleteObjects. */
export async function deleteOne(
  context: OperationContext,
  key: string,
  versionId: string | undefined,
  options: { condition?(found: ObjectRecord | undefined): void; bypassGovernance: boolean | undefined },
): Promise<Removal> {
  const { facts, services, caller } = context;
  requireVersionId(versionId);
  const bypass = mayBypassGovernance(context, key, options.bypassGovernance);
  try {
    return await services.objects.remove(facts.bucket, key, versionId, caller.accountId, options.condition, {
      bypassGovernance: bypass,
    });
  } catch (error) {
    throw error instanceof VersionLocked ? asS3Error(error, context.fields) : error;
  } finally {
    services.sweep();
  }
}

/** `apart`: of one key of DeleteObjects. */
export function deletePermission(resource: string, versionId: string | undefined, apart?: Apart): Permission {
  const action = versionId === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion';
  return { action, resource, ...(apart && { apart }) };
}

/**
 * `If-Match` of a deletion. Whether an ETag is the one is told only to whom may read the object; that there is one at all, to whom
 * may delete it.
 * @throws AccessDenied, NoSuchKey, PreconditionFailed
 */
export function checkDeletion(
  { require, facts }: OperationContext,
  key: string,
  versionId: string | undefined,
  ifMatch: string | undefined,
  found: ObjectRecord | undefined,
): void {
  if (ifMatch === undefined) return;
  if (ifMatch.trim() !== '*') {
    const bucket = facts.bucket.record;
    const action = versionId === undefined ? 's3:GetObject' : 's3:GetObjectVersion';
    require({ action, resource: objectArn(bucket.name, key), apart: { versionId } }, bucket, found ?? 'absent');
  }
  if (!found?.content) throw new S3Error('NoSuchKey', { extra: { Key: key } });
  if (!etagMatches(ifMatch, found.content.etag)) {
    throw new S3Error('PreconditionFailed', { extra: { Condition: 'If-Match' } });
  }
}

/** An id that Coffer can't have made is not a version that is missing, but a bad argument. */
export function requireVersionId(versionId: string | undefined): void {
  if (versionId === undefined || versionId === NULL_VERSION || sequenceOf(versionId) !== undefined) return;
  throw new S3Error('InvalidArgument', {
    message: 'Invalid version id specified',
    extra: { ArgumentName: 'versionId', ArgumentValue: versionId },
  });
}
