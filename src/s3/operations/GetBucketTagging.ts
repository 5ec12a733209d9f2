import { S3Error } from '../error.js';
import { bucketArn, operation } from '../operation.js';
import { BUCKET_TAGS, taggingXml } from '../tags.js';

export const getBucketTagging = operation({
  name: 'GetBucketTagging',
  route: { method: 'GET', on: 'bucket', query: ['tagging'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:GetBucketTagging', resource: bucketArn(bucket) }],
  errors: ['NoSuchTagSet'],
  async handle({ bucket }, { facts, services }) {
    const tags = await services.configs.read(facts.bucket.record, BUCKET_TAGS);
    if (!tags) throw new S3Error('NoSuchTagSet', { extra: { BucketName: bucket } });
    return tags;
  },
  reply: (tags) => ({ xml: taggingXml(tags) }),
});
