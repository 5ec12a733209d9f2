import { changeVersion } from '../change-version.js';
import { versionId } from '../fields/field.js';
import { objectArn, operation } from '../operation.js';
import { versionHeader } from '../version-header.js';

export const deleteObjectTagging = operation({
  name: 'DeleteObjectTagging',
  route: { method: 'DELETE', on: 'object', query: ['tagging'] },
  input: { versionId },
  facts: ['bucket', 'object'],
  needs: ({ bucket, key, versionId }) => [
    {
      action: versionId === undefined ? 's3:DeleteObjectTagging' : 's3:DeleteObjectVersionTagging',
      resource: objectArn(bucket, key),
    },
  ],
  errors: ['MethodNotAllowed', 'NoSuchKey', 'NoSuchVersion'],
  async handle({ key, versionId }, context) {
    const record = await changeVersion(context, key, versionId, ({ tags: _, ...content }) => content);
    return versionHeader(context.facts.bucket.record, record);
  },
  reply: (versionId) => ({ status: 204, headers: { 'x-amz-version-id': versionId } }),
});
