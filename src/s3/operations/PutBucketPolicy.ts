import { requireOwnAccount } from '../bucket-policy/access.js';
import { parsePolicyText, TEXT_MAX_BYTES } from '../bucket-policy/text.js';
import { denial } from '../denial.js';
import { S3Error } from '../error.js';
import { header } from '../fields/field.js';
import { bucketArn, operation } from '../operation.js';

export const putBucketPolicy = operation({
  name: 'PutBucketPolicy',
  route: { method: 'PUT', on: 'bucket', query: ['policy'] },
  input: {
    policy: { read: ({ text = '' }) => text },
    confirmed: header('x-amz-confirm-remove-self-bucket-access'),
  },
  body: { kind: 'text', maxBytes: TEXT_MAX_BYTES },
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:PutBucketPolicy', resource: bucketArn(bucket) }],
  errors: ['MalformedPolicy', 'MethodNotAllowed'],
  async handle({ bucket, policy, confirmed }, context) {
    requireOwnAccount(context);
    const { facts, services, caller } = context;
    const { record } = facts.bucket;
    const { isPublic } = parsePolicyText(policy, bucket, services);
    if (isPublic && record.publicAccessBlock?.blockPublicPolicy) {
      const permission = { action: 's3:PutBucketPolicy', resource: bucketArn(bucket) } as const;
      throw denial(caller, permission, record.ownerAccountId, 'BlockPublicPolicy');
    }
    // What root keeps, root alone can give away: a user would shut the account out for good.
    const bindsRoot = caller.kind === 'root' && confirmed?.toLowerCase() === 'true';
    if (!(await services.bucketPolicies.put(record, policy, { bindsRoot }))) {
      throw new S3Error('NoSuchBucket', { extra: { BucketName: bucket } });
    }
  },
  reply: () => ({ status: 204 }),
});
