import type { Removal } from '../store/objects.js';
import type { ObjectRecord } from '../store/records.js';
import { NULL_VERSION, sequenceOf } from '../store/version-id.js';
import { VersionLocked } from '../store/version-lock.js';
import { S3Error } from './error.js';
import { asS3Error } from './failures.js';
import { mayBypassGovernance } from './object-lock.js';
import type { OperationContext, Permission } from './operation.js';

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
    return await services.objects.remove(facts.bucket, key, versionId, caller.accountId, options.condition, bypass);
  } catch (error) {
    throw error instanceof VersionLocked ? asS3Error(error, context.fields) : error;
  } finally {
    services.sweep();
  }
}

/** Whether an ETag is the one is told only to whom may read the object; that there is one at all, to whom may delete it. */
export function deletePermissions(
  resource: string,
  versionId: string | undefined,
  ifMatch: string | undefined,
): Permission[] {
  const version = versionId === undefined ? '' : 'Version';
  const needed: Permission[] = [{ action: `s3:DeleteObject${version}`, resource }];
  if (ifMatch !== undefined && ifMatch.trim() !== '*') needed.push({ action: `s3:GetObject${version}`, resource });
  return needed;
}

/** An id that Coffer can't have made is not a version that is missing, but a bad argument. */
export function requireVersionId(versionId: string | undefined): void {
  if (versionId === undefined || versionId === NULL_VERSION || sequenceOf(versionId) !== undefined) return;
  throw new S3Error('InvalidArgument', {
    message: 'Invalid version id specified',
    extra: { ArgumentName: 'versionId', ArgumentValue: versionId },
  });
}
