import { S3Error } from '../error.js';
import { bucketArn, operation } from '../operation.js';
import { replicationNodes } from '../replication/encode.js';
import { REPLICATION } from '../replication/rules.js';

export const getBucketReplication = operation({
  name: 'GetBucketReplication',
  route: { method: 'GET', on: 'bucket', query: ['replication'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:GetReplicationConfiguration', resource: bucketArn(bucket) }],
  errors: ['ReplicationConfigurationNotFoundError'],
  async handle({ bucket }, { facts, services }) {
    const replication = await services.configs.read(facts.bucket.record, REPLICATION);
    if (!replication) throw new S3Error('ReplicationConfigurationNotFoundError', { extra: { BucketName: bucket } });
    return replication;
  },
  reply: (replication) => ({ xml: ['ReplicationConfiguration', replicationNodes(replication)] }),
});
