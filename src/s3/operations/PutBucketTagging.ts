import { putBucketConfig } from '../bucket-config.js';
import { xmlBody } from '../fields/xml.js';
import { bucketArn, operation } from '../operation.js';
import { BUCKET_TAG_RULES, BUCKET_TAGS, decodeTagging } from '../tags.js';

export const putBucketTagging = operation({
  name: 'PutBucketTagging',
  route: { method: 'PUT', on: 'bucket', query: ['tagging'] },
  input: { tags: xmlBody(decodeTagging(BUCKET_TAG_RULES)) },
  body: { kind: 'xml', root: 'Tagging', required: true, integrity: 'required' },
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:PutBucketTagging', resource: bucketArn(bucket) }],
  errors: ['BadRequest', 'InvalidTag', 'MalformedXML'],
  async handle({ tags }, context) {
    await putBucketConfig(context, BUCKET_TAGS, tags.length === 0 ? undefined : tags);
  },
  reply: () => ({ status: 204 }),
});
