import type { Removal } from '../store/objects.js';
import type { ObjectRecord } from '../store/records.js';
import { NULL_VERSION, sequenceOf } from '../store/version-id.js';
import { VersionLocked } from '../store/version-lock.js';
import { S3Error } from './error.js';
import { asS3Error } from './failures.js';
import { mayBypassGovernance } from './object-lock.js';
import type { OperationContext } from './operation.js';

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

/** An id that Coffer can't have made is not a version that is missing, but a bad argument. */
export function requireVersionId(versionId: string | undefined): void {
  if (versionId === undefined || versionId === NULL_VERSION || sequenceOf(versionId) !== undefined) return;
  throw new S3Error('InvalidArgument', {
    message: 'Invalid version id specified',
    extra: { ArgumentName: 'versionId', ArgumentValue: versionId },
  });
}
