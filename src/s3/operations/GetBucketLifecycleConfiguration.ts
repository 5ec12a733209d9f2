import { S3Error } from '../error.js';
import { ruleNode } from '../lifecycle/encode.js';
import { LIFECYCLE } from '../lifecycle/rules.js';
import { bucketArn, operation } from '../operation.js';

/** GetBucketLifecycle, its older name, is the same request. */
export const getBucketLifecycleConfiguration = operation({
  name: 'GetBucketLifecycleConfiguration',
  route: { method: 'GET', on: 'bucket', query: ['lifecycle'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:GetLifecycleConfiguration', resource: bucketArn(bucket) }],
  errors: ['NoSuchLifecycleConfiguration'],
  async handle({ bucket }, { facts, services }) {
    const lifecycle = await services.configs.read(facts.bucket.record, LIFECYCLE);
    if (!lifecycle) throw new S3Error('NoSuchLifecycleConfiguration', { extra: { BucketName: bucket } });
    return lifecycle;
  },
  reply: ({ rules, minimumSize }) => ({
    headers: { 'x-amz-transition-default-minimum-object-size': minimumSize },
    xml: ['LifecycleConfiguration', rules.map(ruleNode)],
  }),
});
