import { aclNodes } from '../acl/document.js';
import { privateAcl } from '../acl/grants.js';
import { aclsDisabled, ownerOf } from '../acl/owner.js';
import { versionId } from '../fields/field.js';
import { objectArn, operation } from '../operation.js';
import { requireVersion } from '../require-version.js';

export const getObjectAcl = operation({
  name: 'GetObjectAcl',
  route: { method: 'GET', on: 'object', query: ['acl'] },
  input: { versionId },
  facts: ['bucket', 'object'],
  needs: ({ bucket, key, versionId }) => [
    {
      action: versionId === undefined ? 's3:GetObjectAcl' : 's3:GetObjectVersionAcl',
      resource: objectArn(bucket, key),
    },
  ],
  errors: ['InvalidArgument', 'MethodNotAllowed', 'NoSuchKey', 'NoSuchVersion'],
  async handle({ key, versionId }, { facts, services, fields }) {
    const bucket = facts.bucket.record;
    const { record, content } = requireVersion(facts.object, { method: fields.method, key, versionId });
    const owner = ownerOf(record, bucket);
    const own = privateAcl(owner);
    const acl = aclsDisabled(bucket) ? own : (content.acl ?? own);
    const id = bucket.versioning === undefined ? undefined : record.versionId;
    return { nodes: aclNodes(acl, owner, services.accounts), id };
  },
  reply: ({ nodes, id }) => ({ headers: { 'x-amz-version-id': id }, xml: ['AccessControlPolicy', nodes] }),
});
