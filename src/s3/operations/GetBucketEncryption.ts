import { bucketArn, operation } from '../operation.js';

export const getBucketEncryption = operation({
  name: 'GetBucketEncryption',
  route: { method: 'GET', on: 'bucket', query: ['encryption'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:GetEncryptionConfiguration', resource: bucketArn(bucket) }],
  errors: [],
  async handle(_input, { facts }) {
    return facts.bucket.record.encryption;
  },
  reply: (encryption) => ({
    xml: [
      'ServerSideEncryptionConfiguration',
      [
        [
          'Rule',
          [
            [
              'ApplyServerSideEncryptionByDefault',
              [
                ['SSEAlgorithm', encryption.algorithm],
                ['KMSMasterKeyID', encryption.kmsKeyId],
              ],
            ],
            ['BucketKeyEnabled', encryption.bucketKeyEnabled],
            ['BlockedEncryptionTypes', encryption.blockSseC ? [['EncryptionType', 'SSE-C']] : undefined],
          ],
        ],
      ],
    ],
  }),
});
