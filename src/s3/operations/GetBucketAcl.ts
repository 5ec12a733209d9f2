import { aclNodes } from '../acl/document.js';
import { privateAcl } from '../acl/grants.js';
import { aclsDisabled } from '../acl/owner.js';
import { bucketArn, operation } from '../operation.js';

export const getBucketAcl = operation({
  name: 'GetBucketAcl',
  route: { method: 'GET', on: 'bucket', query: ['acl'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:GetBucketAcl', resource: bucketArn(bucket) }],
  errors: [],
  async handle(_input, { facts, services }) {
    const bucket = facts.bucket.record;
    const own = privateAcl(bucket.ownerAccountId);
    const acl = aclsDisabled(bucket) ? own : (bucket.acl ?? own);
    return aclNodes(acl, bucket.ownerAccountId, services.accounts);
  },
  reply: (nodes) => ({ xml: ['AccessControlPolicy', nodes] }),
});
