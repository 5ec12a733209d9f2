import { S3Error } from '../error.js';
import { versionId } from '../fields/field.js';
import { objectArn, operation } from '../operation.js';
import { requireLiveVersion } from '../require-version.js';
import { taggingXml } from '../tags.js';
import { versionHeader } from '../version-header.js';

export const getObjectTagging = operation({
  name: 'GetObjectTagging',
  route: { method: 'GET', on: 'object', query: ['tagging'] },
  input: { versionId },
  facts: ['bucket', 'object'],
  needs: ({ bucket, key, versionId }) => [
    {
      action: versionId === undefined ? 's3:GetObjectTagging' : 's3:GetObjectVersionTagging',
      resource: objectArn(bucket, key),
    },
  ],
  errors: ['MethodNotAllowed', 'NoSuchKey', 'NoSuchVersion'],
  async handle({ bucket, key, versionId }, { facts, fields }) {
    // AWS names the bucket in this one answer.
    if (!facts.object && versionId === undefined)
      throw new S3Error('NoSuchKey', { extra: { Key: `${bucket}/${key}` } });
    const { record, content } = requireLiveVersion(facts.object?.record, { method: fields.method, key, versionId });
    return { tags: content.tags ?? [], versionId: versionHeader(facts.bucket.record, record) };
  },
  reply: ({ tags, versionId }) => ({ headers: { 'x-amz-version-id': versionId }, xml: taggingXml(tags) }),
});
