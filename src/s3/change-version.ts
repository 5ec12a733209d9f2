import type { BucketRecord, ObjectContent, ObjectRecord } from '../store/records.js';
import type { Stored } from '../store/table.js';
import type { OperationContext } from './operation.js';
import { requireLiveVersion } from './require-version.js';
import type { Services } from './services.js';

/** What of an operation's context it takes. */
interface Place {
  facts: { bucket: Stored<BucketRecord> };
  services: Pick<Services, 'objects'>;
  fields: { method: string };
  /** Absent where `change` itself sees to it that the version is the one that was decided over. */
  requireStill?: OperationContext['requireStill'];
}

/**
 * Changes what an existing version's record says beside its body (tags, lock, restoration). `change` sees the record that the
 * commit replaces, may run again on a newer one, and throws where it must not be changed.
 * @throws AccessDenied, NoSuchKey, NoSuchVersion, MethodNotAllowed for a delete marker; VersionLocked where retention would be weakened
 */
export async function changeVersion(
  context: Place,
  key: string,
  versionId: string | undefined,
  change: (content: ObjectContent, record: ObjectRecord) => ObjectContent,
  bypassGovernance = false,
): Promise<ObjectRecord> {
  const { facts, services, fields } = context;
  const request = { method: fields.method, key, versionId };
  const changed = await services.objects.replace(
    facts.bucket,
    key,
    versionId,
    (found) => {
      context.requireStill?.(found);
      const { record, content } = requireLiveVersion(found, request);
      return { ...record, content: change(content, record) };
    },
    { bypassGovernance },
  );
  return requireLiveVersion(changed, request).record;
}
