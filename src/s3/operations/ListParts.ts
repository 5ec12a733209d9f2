import { LIST_MAX_KEYS } from '../../base/limits.js';
import type { XmlNode } from '../../base/xml/ports.js';
import { ownersIn } from '../acl/owner.js';
import { checksumNodes } from '../checksum/headers.js';
import { isUnderKms } from '../encryption/key-target.js';
import type { ObjectCipher } from '../encryption/object-cipher.js';
import { openCipher } from '../encryption/open-cipher.js';
import { customerKey } from '../fields/customer-key.js';
import { queryInt } from '../fields/field.js';
import { isoDate } from '../fields/http-date.js';
import { uploadId } from '../fields/upload-id.js';
import { abortHeaders } from '../lifecycle/headers.js';
import { requireUpload } from '../multipart/put-part.js';
import { objectArn, operation } from '../operation.js';
import { openChecksum } from '../read.js';

export const listParts = operation({
  name: 'ListParts',
  route: { method: 'GET', on: 'object', query: ['uploadId'] },
  input: {
    uploadId,
    maxParts: queryInt('max-parts', { min: 0, max: 2_147_483_647 }),
    partNumberMarker: queryInt('part-number-marker', { min: 0, max: 2_147_483_647 }),
    customerKey,
  },
  facts: ['bucket', 'upload'],
  needs: ({ bucket, key }) => [{ action: 's3:ListMultipartUploadParts', resource: objectArn(bucket, key) }],
  errors: ['InvalidArgument', 'NoSuchUpload'],
  async handle(input, context) {
    const { services, facts } = context;
    const { record } = requireUpload(facts, input.uploadId);
    const max = Math.min(input.maxParts ?? LIST_MAX_KEYS, LIST_MAX_KEYS);
    const marker = Math.min(input.partNumberMarker ?? 0, 0xfffe);
    const found = max === 0 ? [] : await services.uploads.listParts(input.uploadId, marker, max + 1);
    const parts = found.slice(0, max).map((stored) => stored.record);
    let cipher: ObjectCipher | undefined;
    try {
      // A KMS is asked in any case, as on AWS: who may not decrypt doesn't list.
      const sealed =
        isUnderKms(record.encryption.mode) ||
        (!record.checksum.default && parts.some((part) => part.checksum?.sealed !== undefined));
      // A customer's key isn't part of this request on AWS: without it the parts are listed without their checksums.
      const canOpen = record.encryption.mode !== 'SSE-C' || input.customerKey !== undefined;
      if (sealed && canOpen) {
        cipher = await openCipher(context, record.encryption, record.key, record.objectId, input.customerKey);
      }
      const { algorithm, type } = record.checksum;
      const shown = parts.map((part) => {
        const readable = part.checksum && (part.checksum.value !== undefined || cipher);
        const checksum =
          readable && !record.checksum.default
            ? openChecksum({ algorithm, type, ...part.checksum }, cipher)
            : undefined;
        return { part, checksum };
      });
      return {
        record,
        shown,
        max,
        truncated: found.length > max,
        abort: await abortHeaders(services, facts.bucket.record, record),
        owner: ownersIn(facts.bucket.record, services.accounts),
      };
    } finally {
      cipher?.dispose();
      input.customerKey?.key.dispose();
    }
  },
  reply: ({ record, shown, max, truncated, abort, owner }, { bucket, key, partNumberMarker }) => ({
    headers: abort,
    xml: [
      'ListPartsResult',
      [
        ['Bucket', bucket],
        ['Key', key],
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
        ['PartNumberMarker', partNumberMarker ?? 0],
        ['NextPartNumberMarker', shown.at(-1)?.part.partNumber ?? 0],
        ['MaxParts', max],
        ['IsTruncated', truncated],
        ['ChecksumAlgorithm', record.checksum.default ? undefined : record.checksum.algorithm],
        ['ChecksumType', record.checksum.default ? undefined : record.checksum.type],
        ...shown.map(
          ({ part, checksum }): XmlNode => [
            'Part',
            [
              ['PartNumber', part.partNumber],
              ['LastModified', isoDate(part.lastModifiedMs)],
              ['ETag', `"${part.etag}"`],
              ['Size', part.size],
              ...(checksum ? checksumNodes(checksum, { withType: false }) : []),
            ],
          ],
        ),
      ],
    ],
  }),
});
