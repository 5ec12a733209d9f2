import { putBucketConfig } from '../bucket-config.js';
import { bucketArn, operation } from '../operation.js';
import { REPLICATION } from '../replication/rules.js';

/** What waits to be replicated fails from now on. */
export const deleteBucketReplication = operation({
  name: 'DeleteBucketReplication',
  route: { method: 'DELETE', on: 'bucket', query: ['replication'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:PutReplicationConfiguration', resource: bucketArn(bucket) }],
  errors: [],
  async handle(_input, context) {
    await putBucketConfig(context, REPLICATION, undefined);
  },
  reply: () => ({ status: 204 }),
});
