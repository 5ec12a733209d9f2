import type { Caller } from '../auth/ports.js';
import { AWS, inPartition, partitionOfArn } from '../base/partition.js';
import type { Decision } from '../policy/ports.js';
import { S3Error } from './error.js';
import type { Permission } from './operation.js';

/** Settings of a PublicAccessBlock that refuse a request. */
export type BlockedBy = 'BlockPublicAcls' | 'BlockPublicPolicy' | 'RestrictPublicBuckets';

/**
 * AccessDenied in AWS's words. Why, is told to callers of the resource's own account alone: others learn nothing of its policies.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
 */
export function denial(
  caller: Caller,
  { action, resource }: Permission,
  resourceAccountId: string,
  why: Extract<Decision, { allowed: false }> | BlockedBy,
): S3Error {
  if (caller.kind === 'anonymous' || caller.accountId !== resourceAccountId) return new S3Error('AccessDenied');
  const reason = typeof why === 'string' ? BLOCKED[why] : reasonOf(why, action);
  return new S3Error('AccessDenied', {
    message: `User: ${caller.arn} is not authorized to perform: ${action} on resource: "${inPartition(resource, partitionOfArn(caller.arn) ?? AWS)}" ${reason}`,
  });
}

const BLOCKED: Readonly<Record<BlockedBy, string>> = {
  BlockPublicAcls: 'because public ACLs are prevented by the BlockPublicAcls setting in S3 Block Public Access.',
  BlockPublicPolicy:
    'because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.',
  RestrictPublicBuckets:
    'because public access is prevented by the RestrictPublicBuckets setting in S3 Block Public Access.',
};

function reasonOf({ explicit, by }: Extract<Decision, { allowed: false }>, action: string): string {
  if (explicit)
    return `with an explicit deny in ${by === 'identity policy' ? 'an identity' : 'a resource'}-based policy`;
  return by === 'no identity policy'
    ? `because no identity-based policy allows the ${action} action`
    : `because no resource-based policy allows the ${action} action`;
}
