import { bucketArn, operation } from '../operation.js';

export const getBucketVersioning = operation({
  name: 'GetBucketVersioning',
  route: { method: 'GET', on: 'bucket', query: ['versioning'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:GetBucketVersioning', resource: bucketArn(bucket) }],
  errors: [],
  async handle(_input, { facts }) {
    return facts.bucket.record.versioning;
  },
  reply: (status) => ({ xml: ['VersioningConfiguration', [['Status', status]]] }),
});
