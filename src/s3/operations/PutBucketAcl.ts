import { requirePuttable } from '../acl/put.js';
import { updateBucket } from '../bucket-config.js';
import { putAcl } from '../fields/acl-body.js';
import { bucketArn, operation } from '../operation.js';

export const putBucketAcl = operation({
  name: 'PutBucketAcl',
  route: { method: 'PUT', on: 'bucket', query: ['acl'] },
  input: { acl: putAcl },
  body: { kind: 'xml', root: 'AccessControlPolicy', required: false, malformed: 'MalformedACLError' },
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:PutBucketAcl', resource: bucketArn(bucket) }],
  errors: [
    'AccessControlListNotSupported',
    'AmbiguousGrantByEmailAddress',
    'InvalidArgument',
    'InvalidRequest',
    'MalformedACLError',
    'MissingSecurityHeader',
    'UnexpectedContent',
    'UnresolvableGrantByEmailAddress',
  ],
  async handle({ bucket, acl: sent }, context) {
    const permission = { action: 's3:PutBucketAcl', resource: bucketArn(bucket) } as const;
    await updateBucket(context, (found) => {
      // On the record that is replaced: ACLs may have been disabled meanwhile, or public ones blocked.
      const acl = requirePuttable(sent, found, found.ownerAccountId, permission, context);
      const { acl: _, ...record } = found;
      return acl ? { ...record, acl } : record;
    });
  },
  reply: () => ({}),
});
