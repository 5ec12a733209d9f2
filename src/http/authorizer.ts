import type { Caller } from '../auth/ports.js';
import { decide } from '../policy/decide.js';
import type { ConditionValues } from '../policy/ports.js';
import { S3Error } from '../s3/error.js';
import { bucketArn, type Permission } from '../s3/operation.js';
import type { BucketRecord } from '../store/records.js';

type Context = ConditionValues;

/** Asks the policy engine, and answers as S3 does. */
export class Authorizer {
  allowed(permission: Permission, caller: Caller, resourceAccountId: string, context: Context): boolean {
    const { action, resource } = permission;
    return decide({ principal: caller, action, resource, resourceAccountId, context }, { identity: caller.policies })
      .allowed;
  }

  /** @throws AccessDenied */
  require(permission: Permission, caller: Caller, resourceAccountId: string, context: Context): void {
    const { action, resource } = permission;
    const request = { principal: caller, action, resource, resourceAccountId, context };
    const decision = decide(request, { identity: caller.policies });
    if (decision.allowed) return;
    if (caller.kind !== 'user') throw new S3Error('AccessDenied');
    const reason = decision.explicit
      ? 'with an explicit deny in an identity-based policy'
      : `because no identity-based policy allows the ${action} action`;
    throw new S3Error('AccessDenied', {
      message: `User: ${caller.arn} is not authorized to perform: ${action} on resource: "${resource}" ${reason}`,
    });
  }

  requireAll(permissions: readonly Permission[], caller: Caller, resourceAccountId: string, context: Context): void {
    for (const permission of permissions) this.require(permission, caller, resourceAccountId, context);
    // An operation without a permission of its own (DeleteObjects) is still nothing for strangers.
    if (permissions.length === 0 && (caller.kind === 'anonymous' || caller.accountId !== resourceAccountId)) {
      throw new S3Error('AccessDenied');
    }
  }

  /** Without the right to list, nobody learns that a key is missing. */
  requireToKnow(caller: Caller, bucket: BucketRecord, context: Context): void {
    this.require({ action: 's3:ListBucket', resource: bucketArn(bucket.name) }, caller, bucket.ownerAccountId, context);
  }
}
