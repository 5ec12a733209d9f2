import { LIST_MAX_KEYS } from '../../base/limits.js';
import { ownersTold } from '../acl/owner.js';
import { S3Error } from '../error.js';
import { query } from '../fields/field.js';
import { encodeKey, encodingType } from '../listing/encode.js';
import { contentNodes, listCurrent, prefixNodes } from '../listing/object-rows.js';
import type { Field } from '../operation.js';
import { bucketArn, operation } from '../operation.js';
import { maxKeys } from './ListObjects.js';

const continuationToken: Field<{ sent: string; after: string } | undefined> = {
  read: ({ query }) => {
    const sent = query.get('continuation-token');
    if (sent === undefined) return undefined;
    const bytes = Buffer.from(sent, 'base64');
    if (sent === '' || bytes.toString('base64') !== sent || bytes[0] !== TOKEN_VERSION) {
      throw new S3Error('InvalidArgument', {
        message: 'The continuation token provided is incorrect',
        extra: { ArgumentName: 'continuation-token' },
      });
    }
    return { sent, after: bytes.toString('utf8', 1) };
  },
};

const TOKEN_VERSION = 1;

const encodeToken = (after: string): string =>
  Buffer.concat([Buffer.of(TOKEN_VERSION), Buffer.from(after)]).toString('base64');

export const listObjectsV2 = operation({
  name: 'ListObjectsV2',
  route: { method: 'GET', on: 'bucket', query: ['list-type=2'] },
  input: {
    prefix: query('prefix'),
    delimiter: query('delimiter'),
    startAfter: query('start-after'),
    continuationToken,
    fetchOwner: query('fetch-owner'),
    maxKeys,
    encoding: encodingType,
  },
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:ListBucket', resource: bucketArn(bucket) }],
  errors: ['InvalidArgument'],
  async handle(input, { facts, services, caller }) {
    const { prefix = '', delimiter = '', continuationToken, startAfter = '' } = input;
    const max = Math.min(input.maxKeys ?? LIST_MAX_KEYS, LIST_MAX_KEYS);
    const after = continuationToken?.after ?? startAfter;
    const listing = await listCurrent(services, facts.bucket.record, { prefix, delimiter, after, max });
    const owner = input.fetchOwner === 'true' ? ownersTold(facts.bucket.record, services.accounts, caller) : undefined;
    return { listing, owner, max };
  },
  reply: ({ listing, owner, max }, { bucket, prefix = '', delimiter, continuationToken, startAfter, encoding }) => {
    const { last, truncated } = listing;
    const next = truncated && last ? encodeToken('item' in last ? last.item.key : last.prefix) : undefined;
    return {
      xml: [
        'ListBucketResult',
        [
          ['Name', bucket],
          ['Prefix', encodeKey(prefix, encoding)],
          ['NextContinuationToken', next],
          ['ContinuationToken', continuationToken?.sent],
          ['StartAfter', continuationToken || startAfter === undefined ? undefined : encodeKey(startAfter, encoding)],
          ['KeyCount', listing.items.length + listing.commonPrefixes.length],
          ['MaxKeys', max],
          ['Delimiter', delimiter ? encodeKey(delimiter, encoding) : undefined],
          ['IsTruncated', truncated],
          ['EncodingType', encoding],
          ...listing.items.map((entry) => ['Contents', contentNodes(entry, encoding, owner?.(entry.record))] as const),
          ...prefixNodes(listing.commonPrefixes, encoding),
        ],
      ],
    };
  },
});
