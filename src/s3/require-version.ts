import type { FoundVersion } from '../store/objects.js';
import type { ObjectContent, ObjectRecord } from '../store/records.js';
import { requireVersionId } from './delete.js';
import { S3Error } from './error.js';

/** A version that has content, or S3's error for one that is missing or a delete marker. */
export function requireVersion(
  found: FoundVersion | undefined,
  request: { method: string; key: string; versionId?: string | undefined },
): { record: ObjectRecord; content: ObjectContent } {
  const { key, versionId } = request;
  if (!found) {
    if (versionId === undefined) throw new S3Error('NoSuchKey', { extra: { Key: key } });
    requireVersionId(versionId);
    throw new S3Error('NoSuchVersion', { extra: { Key: key, VersionId: versionId } });
  }
  const { record } = found;
  if (record.content) return { record, content: record.content };
  const headers = { 'x-amz-delete-marker': 'true', 'x-amz-version-id': record.versionId };
  if (versionId === undefined) throw new S3Error('NoSuchKey', { extra: { Key: key }, headers });
  throw new S3Error('MethodNotAllowed', {
    extra: { Method: request.method, ResourceType: 'DeleteMarker' },
    headers: { ...headers, allow: 'DELETE', 'last-modified': new Date(record.lastModifiedMs).toUTCString() },
  });
}
