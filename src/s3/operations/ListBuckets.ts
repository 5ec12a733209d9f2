import type { BucketRecord } from '../../store/records.js';
import { S3Error } from '../error.js';
import { query, queryInt } from '../fields/field.js';
import { isoDate } from '../fields/http-date.js';
import { isRegion } from '../fields/region.js';
import { bucketArnIn, operation } from '../operation.js';

const MAX_BUCKETS = 10_000;

export const listBuckets = operation({
  name: 'ListBuckets',
  route: { method: 'GET', on: 'service' },
  input: {
    maxBuckets: queryInt('max-buckets', { min: 1, max: MAX_BUCKETS }),
    continuationToken: query('continuation-token'),
    prefix: query('prefix'),
    bucketRegion: query('bucket-region'),
  },
  facts: [],
  needs: () => [{ action: 's3:ListAllMyBuckets', resource: 'arn:aws:s3:::*' }],
  errors: ['InvalidArgument'],
  async handle({ maxBuckets, continuationToken, prefix, bucketRegion }, { caller, services }) {
    if (bucketRegion !== undefined && !isRegion(bucketRegion)) {
      throw new S3Error('InvalidArgument', {
        message: `Argument value ${bucketRegion} is not a valid AWS Region`,
        extra: { ArgumentName: 'bucket-region' },
      });
    }
    const limit = maxBuckets ?? MAX_BUCKETS;
    let buckets: BucketRecord[] = [];
    let next: string | undefined;
    if (bucketRegion === undefined || bucketRegion === services.region) {
      const after = continuationToken ? decodeToken(continuationToken) : undefined;
      buckets = await services.buckets.listOfAccount(caller.accountId, {
        limit: limit + 1,
        ...(after === undefined ? {} : { after }),
        ...(prefix === undefined ? {} : { prefix }),
      });
      if (buckets.length > limit) {
        buckets = buckets.slice(0, limit);
        next = encodeToken(buckets.at(-1)!.name);
      }
    }
    // Regions are told only where the request asked for pages or a filter, as AWS does.
    const paged =
      maxBuckets !== undefined || prefix !== undefined || bucketRegion !== undefined || continuationToken !== undefined;
    return {
      buckets,
      next,
      owner: services.accounts.owner(caller.accountId),
      region: paged ? services.region : undefined,
    };
  },
  reply: ({ buckets, next, owner, region }, { prefix }) => ({
    xml: [
      'ListAllMyBucketsResult',
      [
        [
          'Owner',
          [
            ['ID', owner?.id ?? ''],
            ['DisplayName', owner?.displayName],
          ],
        ],
        [
          'Buckets',
          buckets.map((bucket) => [
            'Bucket',
            [
              ['Name', bucket.name],
              ['CreationDate', isoDate(bucket.createdMs)],
              ['BucketRegion', region],
              ['BucketArn', region && bucketArnIn(region, bucket.name)],
            ],
          ]),
        ],
        ['ContinuationToken', next],
        ['Prefix', prefix],
      ],
    ],
  }),
});

const encodeToken = (name: string): string => Buffer.from(name, 'utf8').toString('base64');

function decodeToken(token: string): string {
  const name = Buffer.from(token, 'base64').toString('utf8');
  if (encodeToken(name) !== token) {
    throw new S3Error('InvalidArgument', {
      message: 'The continuation token provided is incorrect',
      extra: { ArgumentName: 'continuation-token' },
    });
  }
  return name;
}
