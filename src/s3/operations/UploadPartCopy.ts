import { PART_MAX_BYTES } from '../../base/limits.js';
import { checksumNodes } from '../checksum/headers.js';
import { OpenSource } from '../copy/source.js';
import { encryptionHeaders } from '../encryption/headers.js';
import { S3Error } from '../error.js';
import { copySourceConditions } from '../fields/conditions.js';
import { copySource } from '../fields/copy-source.js';
import { copySourceCustomerKey, customerKey } from '../fields/customer-key.js';
import { header } from '../fields/field.js';
import { isoDate } from '../fields/http-date.js';
import { partNumber } from '../fields/part-number.js';
import { parseCopySourceRange } from '../fields/range.js';
import { uploadId } from '../fields/upload-id.js';
import { putPart, requireUpload } from '../multipart/put-part.js';
import { objectArn, operation } from '../operation.js';
import { requireOwner } from './CopyObject.js';

export const uploadPartCopy = operation({
  name: 'UploadPartCopy',
  route: { method: 'PUT', on: 'object', query: ['partNumber', 'uploadId'], header: 'x-amz-copy-source' },
  input: {
    source: copySource,
    sourceConditions: copySourceConditions,
    sourceKey: copySourceCustomerKey,
    sourceRange: header('x-amz-copy-source-range'),
    sourceOwner: header('x-amz-source-expected-bucket-owner'),
    partNumber,
    uploadId,
    customerKey,
  },
  facts: ['bucket', 'upload'],
  needs: ({ bucket, key }) => [{ action: 's3:PutObject', resource: objectArn(bucket, key) }],
  errors: [
    'InvalidArgument',
    'InvalidRange',
    'InvalidRequest',
    'NoSuchKey',
    'NoSuchUpload',
    'NoSuchVersion',
    'PreconditionFailed',
  ],
  async handle(input, context) {
    const { partNumber } = input;
    if (partNumber === undefined) throw new S3Error('InvalidArgument', { extra: { ArgumentName: 'partNumber' } });
    // Before anything is opened: a malformed range is refused whatever the source is.
    parseCopySourceRange(input.sourceRange, Number.MAX_SAFE_INTEGER);
    try {
      const upload = requireUpload(context.facts, input.uploadId);
      const source = await OpenSource.open(context, input.source, input.sourceConditions, input.sourceKey);
      try {
        requireOwner(input.sourceOwner, source.bucket);
        const { size } = source.content;
        const range = parseCopySourceRange(input.sourceRange, size) ?? { start: 0, end: size };
        if (range.end - range.start > PART_MAX_BYTES) {
          throw new S3Error('InvalidRequest', {
            message: `The specified copy source is larger than the maximum allowable size for a copy source: ${PART_MAX_BYTES}`,
          });
        }
        const put = await putPart(context, upload, partNumber, input.customerKey, await source.read(range), {});
        const sourceVersion = source.bucket.versioning === undefined ? undefined : source.record.versionId;
        return { ...put, sourceVersion };
      } finally {
        await source.close();
      }
    } finally {
      input.sourceKey?.key.dispose();
      input.customerKey?.key.dispose();
    }
  },
  reply: ({ part, upload, answered, sourceVersion }, { customerKey }) => ({
    headers: {
      'x-amz-copy-source-version-id': sourceVersion,
      ...encryptionHeaders(upload.encryption, customerKey),
    },
    xml: [
      'CopyPartResult',
      [
        ['LastModified', isoDate(part.lastModifiedMs)],
        ['ETag', `"${part.etag}"`],
        ...(answered ? checksumNodes(answered, { withType: false }) : []),
      ],
    ],
  }),
});
