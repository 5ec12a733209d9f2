import type { Removal } from '../store/objects.js';
import type { ObjectRecord } from '../store/records.js';
import { NULL_VERSION, sequenceOf } from '../store/version-id.js';
import { S3Error } from './error.js';
import type { OperationContext, RequestFields } from './operation.js';

/** Deletes a key or one version of it, for DeleteObject and DeleteObjects. */
export async function deleteOne(
  context: OperationContext,
  key: string,
  versionId: string | undefined,
  condition?: (found: ObjectRecord | undefined) => void,
): Promise<Removal> {
  const { facts, services, caller } = context;
  requireVersionId(versionId);
  const removal = await services.objects.remove(facts.bucket, key, versionId, caller.accountId, condition);
  services.sweep();
  return removal;
}

/** An id that Coffer can't have made is not a version that is missing, but a bad argument. */
export function requireVersionId(versionId: string | undefined): void {
  if (versionId === undefined || versionId === NULL_VERSION || sequenceOf(versionId) !== undefined) return;
  throw new S3Error('InvalidArgument', {
    message: 'Invalid version id specified',
    extra: { ArgumentName: 'versionId', ArgumentValue: versionId },
  });
}

/** Object Lock's header means something only where the bucket has Object Lock. */
export function refuseBypass(fields: RequestFields): void {
  if (fields.headers['x-amz-bypass-governance-retention'] === undefined) return;
  throw new S3Error('InvalidArgument', {
    message: 'x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.',
    extra: { ArgumentName: 'x-amz-bypass-governance-retention' },
  });
}
