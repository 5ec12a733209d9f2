import { uploadId } from '../fields/upload-id.js';
import { requireUpload } from '../multipart/put-part.js';
import { objectArn, operation } from '../operation.js';
import { requireSameReplica } from '../replication/receive.js';
import { needsOfReplica, replica } from '../replication/replica-header.js';

export const abortMultipartUpload = operation({
  name: 'AbortMultipartUpload',
  route: { method: 'DELETE', on: 'object', query: ['uploadId'] },
  input: { uploadId, replica },
  facts: ['bucket', 'upload'],
  needs: ({ bucket, key, replica }) =>
    replica
      ? needsOfReplica(replica, bucket, key)
      : [{ action: 's3:AbortMultipartUpload', resource: objectArn(bucket, key) }],
  errors: ['NoSuchUpload'],
  async handle({ uploadId, replica }, { facts, services }) {
    const upload = requireUpload(facts, uploadId);
    if (replica) requireSameReplica(replica, upload.record);
    await services.uploads.abort(upload);
    services.sweep();
  },
  reply: () => ({ status: 204 }),
});
