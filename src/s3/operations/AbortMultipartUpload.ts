import { uploadId } from '../fields/upload-id.js';
import { requireUpload } from '../multipart/put-part.js';
import { objectArn, operation } from '../operation.js';
import { requireSameReplica } from '../replication/receive.js';
import { needsOfReplica, replica } from '../replication/replica-header.js';

export const abortMultipartUpload = operation({
  name: 'AbortMultipartUpload',
  route: { method: 'DELETE', on: 'object', query: ['uploadId'] },
  input: { uploadId, replica },
  facts: ['bucket'],
  needs: ({ bucket, key, replica }) =>
    replica
      ? needsOfReplica(replica, bucket, key)
      : [{ action: 's3:AbortMultipartUpload', resource: objectArn(bucket, key) }],
  errors: ['NoSuchUpload'],
  async handle({ key, uploadId, replica }, context) {
    const upload = await requireUpload(context, key, uploadId);
    if (replica) requireSameReplica(replica, upload.record);
    await context.services.uploads.abort(upload);
    context.services.sweep();
  },
  reply: () => ({ status: 204 }),
});
