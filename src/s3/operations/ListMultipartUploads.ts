import { LIST_MAX_KEYS } from '../../base/limits.js';
import type { XmlNode } from '../../base/xml/ports.js';
import { TAG } from '../../store/keys.js';
import type { UploadRecord } from '../../store/records.js';
import { ownersIn } from '../acl/owner.js';
import { S3Error } from '../error.js';
import { query, queryInt } from '../fields/field.js';
import { isoDate } from '../fields/http-date.js';
import { rowBounds } from '../listing/bounds.js';
import { collate } from '../listing/collate.js';
import { encodeKey, encodingType } from '../listing/encode.js';
import { prefixNodes } from '../listing/object-rows.js';
import { RowStream } from '../listing/row-stream.js';
import { isUploadOf } from '../multipart/new-upload-id.js';
import { bucketArn, operation } from '../operation.js';

interface UploadEntry {
  key: string;
  record: UploadRecord;
}

export const listMultipartUploads = operation({
  name: 'ListMultipartUploads',
  route: { method: 'GET', on: 'bucket', query: ['uploads'] },
  input: {
    prefix: query('prefix'),
    delimiter: query('delimiter'),
    keyMarker: query('key-marker'),
    uploadIdMarker: query('upload-id-marker'),
    maxUploads: queryInt('max-uploads', { min: 0, max: 2_147_483_647 }),
    encoding: encodingType,
  },
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:ListBucketMultipartUploads', resource: bucketArn(bucket) }],
  errors: ['InvalidArgument'],
  async handle(input, { facts, services }) {
    const { prefix = '', delimiter = '', keyMarker = '' } = input;
    const max = Math.min(input.maxUploads ?? LIST_MAX_KEYS, LIST_MAX_KEYS);
    const { bucketId } = facts.bucket.record;
    const bounds = rowBounds(TAG.upload, bucketId, { prefix, delimiter, after: keyMarker });
    const { table } = services.uploads;
    // Without a key marker the upload id marker is ignored.
    if (keyMarker && input.uploadIdMarker) {
      const marker = services.uploads.rowKey(bucketId, keyMarker, input.uploadIdMarker);
      const known = marker && (isUploadOf(input.uploadIdMarker, keyMarker) || (await table.get(marker)));
      if (!marker || !known) {
        throw new S3Error('InvalidArgument', {
          message: 'Invalid uploadId marker',
          extra: { ArgumentName: 'upload-id-marker', ArgumentValue: input.uploadIdMarker },
        });
      }
      bounds.gte = Buffer.concat([marker, Buffer.of(0)]);
    }
    const stream = new RowStream<UploadEntry>(
      services.meta,
      TAG.upload,
      bucketId,
      bounds,
      (rows) => (at, key) => ({ key, record: table.open(rows[at]!).record }),
      max,
    );
    try {
      const listing = await collate(stream, { prefix, delimiter, max });
      return { listing, max, owner: ownersIn(facts.bucket.record, services.accounts) };
    } finally {
      await stream.close();
    }
  },
  reply: ({ listing, max, owner }, input) => {
    const { bucket, prefix, delimiter, keyMarker = '', uploadIdMarker, encoding } = input;
    const last = listing.last && 'item' in listing.last ? listing.last.item : undefined;
    return {
      xml: [
        'ListMultipartUploadsResult',
        [
          ['Bucket', bucket],
          ['KeyMarker', encodeKey(keyMarker, encoding)],
          ['UploadIdMarker', keyMarker ? (uploadIdMarker ?? '') : ''],
          ['NextKeyMarker', last ? encodeKey(last.key, encoding) : ''],
          ['Prefix', prefix ? encodeKey(prefix, encoding) : undefined],
          ['Delimiter', delimiter ? encodeKey(delimiter, encoding) : undefined],
          ['NextUploadIdMarker', last?.record.uploadId ?? ''],
          ['MaxUploads', max],
          ['IsTruncated', listing.truncated],
          ['EncodingType', encoding],
          ...listing.items.map(
            ({ key, record }): XmlNode => [
              'Upload',
              [
                ['Key', encodeKey(key, encoding)],
                ['UploadId', record.uploadId],
                [
                  'Initiator',
                  [
                    ['ID', record.initiatorArn],
                    ['DisplayName', record.initiatorName],
                  ],
                ],
                ['Owner', owner(record)],
                ['StorageClass', record.storageClass],
                ['Initiated', isoDate(record.initiatedMs)],
                ['ChecksumAlgorithm', record.checksum.default ? undefined : record.checksum.algorithm],
                ['ChecksumType', record.checksum.default ? undefined : record.checksum.type],
              ],
            ],
          ),
          ...prefixNodes(listing.commonPrefixes, encoding),
        ],
      ],
    };
  },
});
