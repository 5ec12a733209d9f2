import { checksumHeaders } from '../checksum/headers.js';
import { encryptionHeaders } from '../encryption/headers.js';
import { S3Error } from '../error.js';
import { customerKey } from '../fields/customer-key.js';
import { partNumber } from '../fields/part-number.js';
import { uploadId } from '../fields/upload-id.js';
import { putPart, requireUpload } from '../multipart/put-part.js';
import { requireDigestOfLocked } from '../object-lock.js';
import { objectArn, operation } from '../operation.js';
import { requireSameReplica } from '../replication/receive.js';
import { needsOfReplica, replica } from '../replication/replica-header.js';
import { requireLength } from './PutObject.js';

export const uploadPart = operation({
  name: 'UploadPart',
  route: { method: 'PUT', on: 'object', query: ['partNumber', 'uploadId'] },
  input: { partNumber, uploadId, customerKey, replica },
  body: { kind: 'stream' },
  facts: ['bucket', 'upload'],
  needs: ({ bucket, key, replica }) =>
    replica ? needsOfReplica(replica, bucket, key) : [{ action: 's3:PutObject', resource: objectArn(bucket, key) }],
  errors: [
    'EntityTooLarge',
    'IncompleteBody',
    'InvalidArgument',
    'InvalidRequest',
    'MissingContentLength',
    'NoSuchUpload',
  ],
  async handle({ partNumber, uploadId, customerKey, replica }, context) {
    if (partNumber === undefined) throw new S3Error('InvalidArgument', { extra: { ArgumentName: 'partNumber' } });
    requireLength(context.body.length);
    try {
      const { facts, fields, body } = context;
      const upload = requireUpload(facts, uploadId);
      requireSameReplica(replica, upload.record);
      requireDigestOfLocked(upload.record.lock, facts.bucket.record, fields.headers, 'Part');
      return await putPart(context, upload, partNumber, customerKey, body, fields.headers);
    } finally {
      customerKey?.key.dispose();
    }
  },
  reply: ({ part, upload, answered }, { customerKey }) => ({
    headers: {
      etag: `"${part.etag}"`,
      ...(answered && checksumHeaders(answered, { withType: false })),
      ...encryptionHeaders(upload.encryption, customerKey),
    },
  }),
});
