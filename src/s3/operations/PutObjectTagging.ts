import { changeVersion } from '../change-version.js';
import { versionId } from '../fields/field.js';
import { xmlBody } from '../fields/xml.js';
import { objectArn, operation } from '../operation.js';
import { decodeTagging, OBJECT_TAG_RULES } from '../tags.js';
import { versionHeader } from '../version-header.js';

export const putObjectTagging = operation({
  name: 'PutObjectTagging',
  route: { method: 'PUT', on: 'object', query: ['tagging'] },
  input: { versionId, tags: xmlBody(decodeTagging(OBJECT_TAG_RULES)) },
  body: { kind: 'xml', root: 'Tagging', required: true },
  facts: ['bucket', 'object'],
  needs: ({ bucket, key, versionId }) => [
    {
      action: versionId === undefined ? 's3:PutObjectTagging' : 's3:PutObjectVersionTagging',
      resource: objectArn(bucket, key),
    },
  ],
  errors: ['BadRequest', 'InvalidTag', 'MalformedXML', 'MethodNotAllowed', 'NoSuchKey', 'NoSuchVersion'],
  async handle({ key, versionId, tags }, context) {
    const record = await changeVersion(context, key, versionId, ({ tags: _, ...content }) =>
      tags.length === 0 ? content : { ...content, tags },
    );
    return versionHeader(context.facts.bucket.record, record);
  },
  reply: (versionId) => ({ headers: { 'x-amz-version-id': versionId } }),
});
