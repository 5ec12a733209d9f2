import { S3Error } from '../error.js';
import { bucketArn, operation } from '../operation.js';

export const getObjectLockConfiguration = operation({
  name: 'GetObjectLockConfiguration',
  route: { method: 'GET', on: 'bucket', query: ['object-lock'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:GetBucketObjectLockConfiguration', resource: bucketArn(bucket) }],
  errors: ['ObjectLockConfigurationNotFoundError'],
  async handle({ bucket }, { facts }) {
    const { objectLock } = facts.bucket.record;
    if (!objectLock) throw new S3Error('ObjectLockConfigurationNotFoundError', { extra: { BucketName: bucket } });
    return objectLock.defaultRetention;
  },
  reply: (retention) => ({
    xml: [
      'ObjectLockConfiguration',
      [
        ['ObjectLockEnabled', 'Enabled'],
        [
          'Rule',
          retention && [
            [
              'DefaultRetention',
              [
                ['Mode', retention.mode],
                ['Days', retention.days],
                ['Years', retention.years],
              ],
            ],
          ],
        ],
      ],
    ],
  }),
});
