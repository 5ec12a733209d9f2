import type { FoundVersion } from '../store/objects.js';
import type { ObjectContent, ObjectRecord } from '../store/records.js';
import { requireVersionId } from './delete.js';
import { S3Error } from './error.js';

/** A version that has content, or S3's error for one that is missing or a delete marker. */
export function requireVersion(
  found: Pick<FoundVersion, 'record'> | undefined,
  request: { method: string; key: string; versionId?: string | undefined },
): { record: ObjectRecord; content: ObjectContent } {
  if (!found) throw missing(request);
  const { record } = found;
  if (record.content) return { record, content: record.content };
  if (request.versionId !== undefined) throw wrongMarker(record, request.method);
  throw new S3Error('NoSuchKey', { extra: { Key: request.key }, headers: markerHeaders(record) });
}

function missing({ key, versionId }: { key: string; versionId?: string | undefined }): S3Error {
  if (versionId === undefined) return new S3Error('NoSuchKey', { extra: { Key: key } });
  requireVersionId(versionId);
  return new S3Error('NoSuchVersion', { extra: { Key: key, VersionId: versionId } });
}

function wrongMarker(record: ObjectRecord, method: string): S3Error {
  return new S3Error('MethodNotAllowed', {
    extra: { Method: method, ResourceType: 'DeleteMarker' },
    headers: {
      ...markerHeaders(record),
      allow: 'DELETE',
      'last-modified': new Date(record.lastModifiedMs).toUTCString(),
    },
  });
}

const markerHeaders = ({ versionId }: ObjectRecord): Record<string, string> => ({
  'x-amz-delete-marker': 'true',
  'x-amz-version-id': versionId,
});

/** The same for what is done to a version rather than with its content: a delete marker is then the wrong thing, not a missing one. */
export function requireLiveVersion(
  record: ObjectRecord | undefined,
  request: { method: string; key: string; versionId?: string | undefined },
): { record: ObjectRecord; content: ObjectContent } {
  if (record?.content) return { record, content: record.content };
  if (!record) throw missing(request);
  throw wrongMarker(record, request.method);
}
