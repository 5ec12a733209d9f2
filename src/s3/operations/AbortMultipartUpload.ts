import { uploadId } from '../fields/upload-id.js';
import { requireUpload } from '../multipart/put-part.js';
import { objectArn, operation } from '../operation.js';

export const abortMultipartUpload = operation({
  name: 'AbortMultipartUpload',
  route: { method: 'DELETE', on: 'object', query: ['uploadId'] },
  input: { uploadId },
  facts: ['bucket'],
  needs: ({ bucket, key }) => [{ action: 's3:AbortMultipartUpload', resource: objectArn(bucket, key) }],
  errors: ['NoSuchUpload'],
  async handle({ key, uploadId }, context) {
    await context.services.uploads.abort(await requireUpload(context, key, uploadId));
    context.services.sweep();
  },
  reply: () => ({ status: 204 }),
});
