import { S3Error } from '../error.js';
import { bucketArn, operation } from '../operation.js';

export const deleteBucket = operation({
  name: 'DeleteBucket',
  route: { method: 'DELETE', on: 'bucket' },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:DeleteBucket', resource: bucketArn(bucket) }],
  errors: ['BucketNotEmpty'],
  async handle({ bucket }, { facts, services }) {
    const outcome = await services.buckets.remove(facts.bucket.record, (record) =>
      services.uploads.abandonAll(record.bucketId),
    );
    if (outcome === 'notEmpty') {
      const versioned = facts.bucket.record.versioning !== undefined;
      throw new S3Error('BucketNotEmpty', {
        message: versioned
          ? 'The bucket you tried to delete is not empty. You must delete all versions in the bucket.'
          : 'The bucket you tried to delete is not empty',
        extra: { BucketName: bucket },
      });
    }
    if (outcome === 'absent') throw new S3Error('NoSuchBucket', { extra: { BucketName: bucket } });
    services.sweep();
  },
  reply: () => ({ status: 204 }),
});
