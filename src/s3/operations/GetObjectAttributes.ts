import { LIST_MAX_KEYS } from '../../base/limits.js';
import type { XmlNode } from '../../base/xml/ports.js';
import type { ManifestPart, ObjectContent, ObjectRecord } from '../../store/records.js';
import { checksumNodes } from '../checksum/headers.js';
import { requirePrivateTransport } from '../encryption/choose.js';
import type { ObjectCipher } from '../encryption/object-cipher.js';
import { openCipher } from '../encryption/open-cipher.js';
import { S3Error } from '../error.js';
import { readCustomerKey } from '../fields/customer-key.js';
import { versionId } from '../fields/field.js';
import type { Field } from '../operation.js';
import { type OperationContext, objectArn, operation } from '../operation.js';
import { openChecksum, requireMatchingKey } from '../read.js';
import { requireVersion } from '../require-version.js';

const ATTRIBUTES = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize'] as const;

const attributes: Field<ReadonlySet<string>> = {
  read: ({ headers }) => {
    const sent = headers['x-amz-object-attributes'];
    if (!sent?.trim()) {
      throw new S3Error('InvalidRequest', {
        message:
          'The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty',
      });
    }
    const names = sent.split(',').map((name) => name.trim());
    const unknown = names.find((name) => !(ATTRIBUTES as readonly string[]).includes(name));
    if (unknown !== undefined) {
      throw new S3Error('InvalidArgument', {
        message: 'Invalid attribute name specified.',
        extra: { ArgumentName: 'x-amz-object-attributes', ArgumentValue: unknown },
      });
    }
    return new Set(names);
  },
};

function headerInt(name: string): Field<number | undefined> {
  return {
    read: ({ headers }) => {
      const text = headers[name];
      if (text === undefined || text === '') return undefined;
      if (!/^\d{1,9}$/.test(text)) {
        throw new S3Error('InvalidArgument', {
          message: `Provided ${name} not an integer or within integer range`,
          extra: { ArgumentName: name, ArgumentValue: text },
        });
      }
      return Number(text);
    },
  };
}

export const getObjectAttributes = operation({
  name: 'GetObjectAttributes',
  route: { method: 'GET', on: 'object', query: ['attributes'] },
  input: {
    versionId,
    attributes,
    maxParts: headerInt('x-amz-max-parts'),
    partNumberMarker: headerInt('x-amz-part-number-marker'),
    customerKey: readCustomerKey,
  },
  facts: ['bucket', 'object'],
  needs: ({ bucket, key, versionId }) => {
    const version = versionId === undefined ? '' : 'Version';
    const resource = objectArn(bucket, key);
    return [
      { action: `s3:GetObject${version}`, resource },
      { action: `s3:GetObject${version}Attributes`, resource },
    ];
  },
  errors: ['InvalidArgument', 'InvalidRequest', 'NoSuchKey', 'NoSuchVersion'],
  async handle(input, context) {
    const { facts, services, fields } = context;
    const { attributes, customerKey } = input;
    if (customerKey) requirePrivateTransport(context);
    const { record, content } = requireVersion(facts.object, {
      method: fields.method,
      key: input.key,
      versionId: input.versionId,
    });
    requireMatchingKey(content, customerKey);
    let cipher: ObjectCipher | undefined;
    try {
      const wantsChecksum = attributes.has('Checksum') || attributes.has('ObjectParts');
      if (content.encryption.mode === 'SSE-C' || (wantsChecksum && content.checksum?.sealed !== undefined)) {
        cipher = await openCipher(context, content.encryption, input.key, record.objectId, customerKey);
      }
      const checksum =
        attributes.has('Checksum') && content.checksum ? openChecksum(content.checksum, cipher) : undefined;
      const parts = attributes.has('ObjectParts')
        ? await partNodes(input, services, record, content, cipher)
        : undefined;
      return { record, content, checksum, parts, versioned: facts.bucket.record.versioning !== undefined };
    } finally {
      cipher?.dispose();
      customerKey?.key.dispose();
    }
  },
  reply: ({ record, content, checksum, parts, versioned }, { attributes }) => ({
    headers: {
      'last-modified': new Date(record.lastModifiedMs).toUTCString(),
      'x-amz-version-id': versioned ? record.versionId : undefined,
    },
    xml: [
      'GetObjectAttributesResponse',
      [
        ['ETag', attributes.has('ETag') ? content.etag : undefined],
        // A composite checksum stands here without the number of its parts.
        ['Checksum', checksum && checksumNodes({ ...checksum, value: checksum.value.replace(/-\d+$/, '') })],
        ['ObjectParts', parts],
        ['StorageClass', attributes.has('StorageClass') ? content.storageClass : undefined],
        ['ObjectSize', attributes.has('ObjectSize') ? content.size : undefined],
      ],
    ],
  }),
});

/** The parts one by one only where they have checksums of their own (COMPOSITE), else just their number. */
async function partNodes(
  input: { maxParts: number | undefined; partNumberMarker: number | undefined },
  services: OperationContext['services'],
  record: ObjectRecord,
  content: ObjectContent,
  cipher: ObjectCipher | undefined,
): Promise<XmlNode[] | undefined> {
  if (!('manifest' in content.body)) return undefined;
  const { manifest } = content.body;
  const total: XmlNode = ['PartsCount', manifest.parts];
  if (content.checksum?.type !== 'COMPOSITE') return [total];
  const max = Math.min(input.maxParts ?? LIST_MAX_KEYS, LIST_MAX_KEYS);
  const marker = input.partNumberMarker ?? 0;
  const after = (await services.manifests.all(record.objectId, manifest)).filter((part) => part.partNumber > marker);
  const shown = after.slice(0, max);
  const { algorithm, type } = content.checksum;
  const node = (part: ManifestPart): XmlNode => [
    'Part',
    [
      ['PartNumber', part.partNumber],
      ['Size', part.size],
      ...(part.checksum
        ? checksumNodes(openChecksum({ algorithm, type, ...part.checksum }, cipher), { withType: false })
        : []),
    ],
  ];
  return [
    total,
    ['PartNumberMarker', marker],
    ['NextPartNumberMarker', shown.at(-1)?.partNumber ?? 0],
    ['MaxParts', max],
    ['IsTruncated', after.length > shown.length],
    ...shown.map(node),
  ];
}
