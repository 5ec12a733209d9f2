import { S3Error } from '../error.js';
import { versionId } from '../fields/field.js';
import { requireObjectLock } from '../object-lock.js';
import { objectArn, operation } from '../operation.js';
import { requireLiveVersion } from '../require-version.js';

export const getObjectLegalHold = operation({
  name: 'GetObjectLegalHold',
  route: { method: 'GET', on: 'object', query: ['legal-hold'] },
  input: { versionId },
  facts: ['bucket', 'object'],
  needs: ({ bucket, key }) => [{ action: 's3:GetObjectLegalHold', resource: objectArn(bucket, key) }],
  errors: ['InvalidRequest', 'MethodNotAllowed', 'NoSuchKey', 'NoSuchObjectLockConfiguration', 'NoSuchVersion'],
  async handle({ key, versionId }, { facts, fields }) {
    requireObjectLock(facts.bucket.record);
    const { content } = requireLiveVersion(facts.object?.record, { method: fields.method, key, versionId });
    if (!content.lock?.legalHold) throw new S3Error('NoSuchObjectLockConfiguration');
    return content.lock.legalHold;
  },
  reply: (status) => ({ xml: ['LegalHold', [['Status', status]]] }),
});
