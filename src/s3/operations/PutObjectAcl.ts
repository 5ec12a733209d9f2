import { ownerOf } from '../acl/owner.js';
import { requirePuttable } from '../acl/put.js';
import { S3Error } from '../error.js';
import { putAcl } from '../fields/acl-body.js';
import { versionId } from '../fields/field.js';
import { objectArn, operation } from '../operation.js';
import { requireVersion } from '../require-version.js';

export const putObjectAcl = operation({
  name: 'PutObjectAcl',
  route: { method: 'PUT', on: 'object', query: ['acl'] },
  input: { versionId, acl: putAcl },
  body: { kind: 'xml', root: 'AccessControlPolicy', required: false, malformed: 'MalformedACLError' },
  facts: ['bucket', 'object'],
  needs: ({ bucket, key, versionId }) => [
    {
      action: versionId === undefined ? 's3:PutObjectAcl' : 's3:PutObjectVersionAcl',
      resource: objectArn(bucket, key),
    },
  ],
  errors: [
    'AccessControlListNotSupported',
    'AmbiguousGrantByEmailAddress',
    'InvalidArgument',
    'InvalidRequest',
    'MalformedACLError',
    'MethodNotAllowed',
    'MissingSecurityHeader',
    'NoSuchKey',
    'NoSuchVersion',
    'UnexpectedContent',
    'UnresolvableGrantByEmailAddress',
  ],
  async handle({ bucket, key, versionId, acl: sent }, context) {
    const { facts, services, fields } = context;
    if (facts.object?.record.deleteMarker) {
      throw new S3Error('MethodNotAllowed', { extra: { Method: fields.method, ResourceType: 'DeleteMarker' } });
    }
    const { record } = requireVersion(facts.object, { method: fields.method, key, versionId });
    const permission = { action: 's3:PutObjectAcl', resource: objectArn(bucket, key) } as const;
    const owner = ownerOf(record, facts.bucket.record);
    const acl = requirePuttable(sent, facts.bucket.record, owner, permission, context);
    const replaced = await services.objects.replace(facts.bucket, key, versionId, (found) => {
      // What was decided was decided over that version; another one is another's.
      if (found.objectId !== record.objectId || !found.content) throw new S3Error('OperationAborted');
      const { acl: _, ...content } = found.content;
      return { ...found, content: acl ? { ...content, acl } : content };
    });
    if (!replaced) throw new S3Error('NoSuchKey', { extra: { Key: key } });
    return facts.bucket.record.versioning === undefined ? undefined : replaced.versionId;
  },
  reply: (id) => ({ headers: { 'x-amz-version-id': id } }),
});
