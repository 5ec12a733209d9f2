import type { ObjectRecord } from '../../store/records.js';
import { checkDeletion, deleteOne, deletePermission } from '../delete.js';
import { S3Error } from '../error.js';
import { header, versionId } from '../fields/field.js';
import { bypassGovernance } from '../fields/object-lock.js';
import { refuseBypass } from '../object-lock.js';
import { objectArn, operation } from '../operation.js';
import { putReplicaMarker } from '../replication/receive.js';
import { replica } from '../replication/replica-header.js';

export const deleteObject = operation({
  name: 'DeleteObject',
  route: { method: 'DELETE', on: 'object' },
  input: {
    versionId,
    ifMatch: header('if-match'),
    ifMatchLastModified: header('x-amz-if-match-last-modified-time'),
    ifMatchSize: header('x-amz-if-match-size'),
    bypassGovernance,
    replica,
  },
  facts: ['bucket'],
  needs: ({ bucket, key, versionId, replica }) =>
    replica
      ? [{ action: 's3:ReplicateDelete', resource: objectArn(bucket, key) }]
      : [deletePermission(objectArn(bucket, key), versionId)],
  errors: ['AccessDenied', 'InvalidArgument', 'NotImplemented', 'PreconditionFailed'],
  async handle({ key, versionId, ifMatch, ifMatchLastModified, ifMatchSize, bypassGovernance, replica }, context) {
    if (replica) return putReplicaMarker(replica, key, context);
    refuseBypass(bypassGovernance, context.facts.bucket.record);
    const unsupported = ifMatchLastModified !== undefined ? 'x-amz-if-match-last-modified-time' : 'x-amz-if-match-size';
    if (ifMatchLastModified !== undefined || ifMatchSize !== undefined) {
      throw new S3Error('NotImplemented', { extra: { Header: unsupported } });
    }
    const condition = (found: ObjectRecord | undefined): void => checkDeletion(context, key, versionId, ifMatch, found);
    return deleteOne(context, key, versionId, { condition, bypassGovernance });
  },
  reply: (removal) => ({
    status: 204,
    headers: {
      'x-amz-version-id': removal.versionId,
      'x-amz-delete-marker': removal.deleteMarker ? 'true' : undefined,
    },
  }),
});
