import type { Caller } from '../../auth/ports.js';
import { decide } from '../../policy/decide.js';
import type { ConditionValues } from '../../policy/ports.js';
import type { BucketRecord } from '../../store/records.js';
import { S3Error } from '../error.js';
import { bucketArnIn, type OperationContext } from '../operation.js';
import type { Services } from '../services.js';
import { isHere } from './rules.js';

/** A role, or the account's root, which is allowed all and needs no trust policy. */
const ROLE_ARN = /^arn:aws(?:-[a-z]+)*:iam::(\d{12}):(?:root|role\/[\w+=,.@/-]+)$/;
/** As what S3 assumes a role, in every partition. */
const S3 = 's3.amazonaws.com';

/**
 * Whoever names a role lets S3 act as it: that takes `iam:PassRole`, which an account's root has in its own account.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html
 * @throws InvalidArgument, AccessDenied
 */
export function requirePassRole(roleArn: string, context: OperationContext): void {
  const { caller, facts, requestContext, services } = context;
  const accountId = ROLE_ARN.exec(roleArn)?.[1];
  if (accountId === undefined || !isHere(roleArn, services)) throw invalid(roleArn, 'Invalid Role ARN.');
  const { record } = facts.bucket;
  const values = new Map([
    ['iam:passedtoservice', [S3]],
    ['iam:associatedresourcearn', [bucketArnIn(services.region, record.name)]],
    ['aws:resourceaccount', [accountId]],
    ['aws:requestedregion', [services.region]],
  ]);
  const request = {
    principal: caller,
    action: 'iam:PassRole',
    resource: roleArn,
    resourceAccountId: accountId,
    context: { get: (key: string) => values.get(key) ?? requestContext.get(key) },
  };
  const isOwn = caller.accountId === accountId && accountId === record.ownerAccountId;
  if (!isOwn || !decide(request, { identity: caller.policies, accountTrusted: true }).allowed) {
    throw new S3Error('AccessDenied', {
      message: `User: ${caller.arn} is not authorized to perform: iam:PassRole on resource: ${roleArn}`,
    });
  }
}

/** And S3 has to be let act as it: the role is there, and its trust policy says so. @throws InvalidArgument */
export function requireAssumable(roleArn: string, { services, facts }: OperationContext): void {
  if (actingRole(services, roleArn, facts.bucket.record)) return;
  throw invalid(roleArn, 'The role does not exist, or its trust policy does not let Amazon S3 assume it.');
}

/** Whom S3 acts as for a bucket's rules; undefined where it may not. Asked anew each time: a role may have changed since. */
export function actingRole(
  { accounts, region, clock }: Pick<Services, 'accounts' | 'region' | 'clock'>,
  roleArn: string,
  bucket: Pick<BucketRecord, 'name' | 'ownerAccountId'>,
): Caller | undefined {
  const nowMs = clock.now();
  const context: ConditionValues = new Map([
    ['aws:sourcearn', [bucketArnIn(region, bucket.name)]],
    ['aws:sourceaccount', [bucket.ownerAccountId]],
    ['aws:resourceaccount', [ROLE_ARN.exec(roleArn)?.[1] ?? '']],
    ['aws:requestedregion', [region]],
    ['aws:securetransport', ['true']],
    ['aws:currenttime', [new Date(nowMs).toISOString()]],
    ['aws:epochtime', [String(Math.floor(nowMs / 1000))]],
  ]);
  const role = accounts.acting(roleArn, { service: S3, context });
  return role?.accountId === bucket.ownerAccountId ? role : undefined;
}

const invalid = (roleArn: string, message: string): S3Error =>
  new S3Error('InvalidArgument', { message, extra: { ArgumentName: 'Role', ArgumentValue: roleArn } });
