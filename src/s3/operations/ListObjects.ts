import { LIST_MAX_KEYS } from '../../base/limits.js';
import { ownersTold } from '../acl/owner.js';
import { query, queryInt } from '../fields/field.js';
import { encodeKey, encodingType } from '../listing/encode.js';
import { contentNodes, listCurrent, prefixNodes } from '../listing/object-rows.js';
import { bucketArn, operation } from '../operation.js';

export const maxKeys = queryInt('max-keys', { min: 0, max: 2_147_483_647, argument: 'maxKeys' });

export const listObjects = operation({
  name: 'ListObjects',
  route: { method: 'GET', on: 'bucket' },
  input: {
    prefix: query('prefix'),
    delimiter: query('delimiter'),
    marker: query('marker'),
    maxKeys,
    encoding: encodingType,
  },
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:ListBucket', resource: bucketArn(bucket) }],
  errors: ['InvalidArgument'],
  async handle({ prefix = '', delimiter = '', marker = '', maxKeys }, { facts, services, caller }) {
    const max = Math.min(maxKeys ?? LIST_MAX_KEYS, LIST_MAX_KEYS);
    const listing = await listCurrent(services, facts.bucket.record, { prefix, delimiter, after: marker, max });
    return { listing, owner: ownersTold(facts.bucket.record, services.accounts, caller), max };
  },
  reply: ({ listing, owner, max }, { bucket, prefix = '', delimiter, marker = '', encoding }) => ({
    xml: [
      'ListBucketResult',
      [
        ['Name', bucket],
        ['Prefix', encodeKey(prefix, encoding)],
        ['Marker', encodeKey(marker, encoding)],
        // Only with a delimiter: without one the last key says where to go on.
        ['NextMarker', listing.truncated && delimiter ? encodeKey(nextMarker(listing), encoding) : undefined],
        ['MaxKeys', max],
        ['Delimiter', delimiter ? encodeKey(delimiter, encoding) : undefined],
        ['IsTruncated', listing.truncated],
        ['EncodingType', encoding],
        ...listing.items.map((entry) => ['Contents', contentNodes(entry, encoding, owner?.(entry.record))] as const),
        ...prefixNodes(listing.commonPrefixes, encoding),
      ],
    ],
  }),
});

function nextMarker(listing: Awaited<ReturnType<typeof listCurrent>>): string {
  const { last } = listing;
  if (!last) return '';
  return 'item' in last ? last.item.key : last.prefix;
}
