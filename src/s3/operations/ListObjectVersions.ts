import { LIST_MAX_KEYS } from '../../base/limits.js';
import type { XmlNode } from '../../base/xml/ports.js';
import { TAG } from '../../store/keys.js';
import { NULL_VERSION, sequenceOf } from '../../store/version-id.js';
import { ownersTold } from '../acl/owner.js';
import { S3Error } from '../error.js';
import { query } from '../fields/field.js';
import { isoDate } from '../fields/http-date.js';
import { rowBounds } from '../listing/bounds.js';
import { collate } from '../listing/collate.js';
import { encodeKey, encodingType } from '../listing/encode.js';
import { contentNodes, prefixNodes } from '../listing/object-rows.js';
import { type VersionEntry, VersionStream } from '../listing/version-stream.js';
import { bucketArn, operation } from '../operation.js';
import type { Services } from '../services.js';
import { maxKeys } from './ListObjects.js';

export const listObjectVersions = operation({
  name: 'ListObjectVersions',
  route: { method: 'GET', on: 'bucket', query: ['versions'] },
  input: {
    prefix: query('prefix'),
    delimiter: query('delimiter'),
    keyMarker: query('key-marker'),
    versionIdMarker: query('version-id-marker'),
    maxKeys,
    encoding: encodingType,
  },
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:ListBucketVersions', resource: bucketArn(bucket) }],
  errors: ['InvalidArgument'],
  async handle(input, { facts, services, caller }) {
    const { prefix = '', delimiter = '', keyMarker = '', versionIdMarker } = input;
    const max = Math.min(input.maxKeys ?? LIST_MAX_KEYS, LIST_MAX_KEYS);
    const { bucketId } = facts.bucket.record;
    const from = await versionMarker(services, bucketId, keyMarker, versionIdMarker);
    const bounds = rowBounds(TAG.current, bucketId, { prefix, delimiter, after: from ? '' : keyMarker });
    if (from) bounds.gte = rowBounds(TAG.current, bucketId, { prefix: from.key, delimiter: '', after: '' }).gte;
    const stream = new VersionStream(services.meta, services.objects.table, bucketId, bounds, from);
    try {
      const listing = await collate<VersionEntry>(stream, { prefix, delimiter, max });
      return { listing, owner: ownersTold(facts.bucket.record, services.accounts, caller), max };
    } finally {
      await stream.close();
    }
  },
  reply: ({ listing, owner, max }, input) => {
    const { bucket, prefix = '', delimiter, keyMarker = '', versionIdMarker = '', encoding } = input;
    const last = listing.truncated ? listing.last : undefined;
    return {
      xml: [
        'ListVersionsResult',
        [
          ['Name', bucket],
          ['Prefix', encodeKey(prefix, encoding)],
          ['KeyMarker', encodeKey(keyMarker, encoding)],
          ['VersionIdMarker', versionIdMarker],
          ['NextKeyMarker', last && encodeKey('item' in last ? last.item.key : last.prefix, encoding)],
          ['NextVersionIdMarker', last && 'item' in last ? last.item.record.versionId : undefined],
          ['MaxKeys', max],
          ['Delimiter', delimiter ? encodeKey(delimiter, encoding) : undefined],
          ['IsTruncated', listing.truncated],
          ['EncodingType', encoding],
          ...listing.items.map((entry) => versionNode(entry, encoding, owner?.(entry.record))),
          ...prefixNodes(listing.commonPrefixes, encoding),
        ],
      ],
    };
  },
});

function versionNode(entry: VersionEntry, encoding: 'url' | undefined, owner: readonly XmlNode[] | undefined): XmlNode {
  const { record, key, isLatest } = entry;
  if (!record.deleteMarker) {
    return [
      'Version',
      contentNodes(entry, encoding, owner, [
        ['VersionId', record.versionId],
        ['IsLatest', isLatest],
      ]),
    ];
  }
  return [
    'DeleteMarker',
    [
      ['Key', encodeKey(key, encoding)],
      ['VersionId', record.versionId],
      ['IsLatest', isLatest],
      ['LastModified', isoDate(record.lastModifiedMs)],
      ['Owner', owner],
    ],
  ];
}

/** Where a page that starts inside a key's versions starts: that key, below the marker's sequence. */
async function versionMarker(
  services: Services,
  bucketId: string,
  keyMarker: string,
  versionIdMarker: string | undefined,
): Promise<{ key: string; below: number } | undefined> {
  if (versionIdMarker === undefined) return undefined;
  const invalid = (message: string): S3Error =>
    new S3Error('InvalidArgument', {
      message,
      extra: { ArgumentName: 'version-id-marker', ArgumentValue: versionIdMarker },
    });
  if (keyMarker === '') {
    if (versionIdMarker === '') throw invalid('A version-id marker cannot be empty.');
    throw invalid('A version-id marker cannot be specified without a key marker.');
  }
  if (versionIdMarker === '') throw invalid('A version-id marker cannot be empty.');
  if (versionIdMarker === NULL_VERSION) {
    const found = await services.objects.find(bucketId, keyMarker, NULL_VERSION);
    return found ? { key: keyMarker, below: found.record.sequence } : undefined;
  }
  const said = sequenceOf(versionIdMarker);
  if (said === undefined) throw invalid('Invalid version id specified');
  // A replica may lie elsewhere than its id says.
  const below = (await services.objects.find(bucketId, keyMarker, versionIdMarker))?.record.sequence ?? said;
  return { key: keyMarker, below };
}
