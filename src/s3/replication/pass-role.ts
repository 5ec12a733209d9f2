import { decide } from '../../policy/decide.js';
import { S3Error } from '../error.js';
import type { OperationContext } from '../operation.js';

const ROLE_ARN = /^arn:aws:iam::(\d{12}):role\/[\w+=,.@/-]+$/;

/**
 * Whoever names a role lets S3 act as it: that takes `iam:PassRole`, which an account's root has in its own account.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html
 * @throws InvalidArgument, AccessDenied
 */
export function requirePassRole(roleArn: string, { caller, facts, requestContext }: OperationContext): void {
  const accountId = ROLE_ARN.exec(roleArn)?.[1];
  if (accountId === undefined) {
    throw new S3Error('InvalidArgument', {
      message: 'Invalid Role ARN.',
      extra: { ArgumentName: 'Role', ArgumentValue: roleArn },
    });
  }
  const { ownerAccountId } = facts.bucket.record;
  const request = {
    principal: caller,
    action: 'iam:PassRole',
    resource: roleArn,
    resourceAccountId: accountId,
    context: requestContext,
  };
  const isOwn = caller.accountId === accountId && accountId === ownerAccountId;
  if (isOwn && decide(request, { identity: caller.policies, accountTrusted: true }).allowed) return;
  throw new S3Error('AccessDenied', {
    message: `User: ${caller.arn} is not authorized to perform: iam:PassRole on resource: ${roleArn}`,
  });
}
