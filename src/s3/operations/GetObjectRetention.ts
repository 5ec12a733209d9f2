import { S3Error } from '../error.js';
import { versionId } from '../fields/field.js';
import { isoInstant } from '../fields/http-date.js';
import { requireObjectLock } from '../object-lock.js';
import { objectArn, operation } from '../operation.js';
import { requireLiveVersion } from '../require-version.js';

export const getObjectRetention = operation({
  name: 'GetObjectRetention',
  route: { method: 'GET', on: 'object', query: ['retention'] },
  input: { versionId },
  facts: ['bucket', 'object'],
  needs: ({ bucket, key }) => [{ action: 's3:GetObjectRetention', resource: objectArn(bucket, key) }],
  errors: ['InvalidRequest', 'MethodNotAllowed', 'NoSuchKey', 'NoSuchObjectLockConfiguration', 'NoSuchVersion'],
  async handle({ key, versionId }, { facts, fields }) {
    requireObjectLock(facts.bucket.record);
    const { content } = requireLiveVersion(facts.object?.record, { method: fields.method, key, versionId });
    if (!content.lock?.retention) throw new S3Error('NoSuchObjectLockConfiguration');
    return content.lock.retention;
  },
  reply: ({ mode, untilMs }) => ({
    xml: [
      'Retention',
      [
        ['Mode', mode],
        ['RetainUntilDate', isoInstant(untilMs)],
      ],
    ],
  }),
});
