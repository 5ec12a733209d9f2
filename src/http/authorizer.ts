import type { Caller } from '../auth/ports.js';
import { inPartition, partitionOf } from '../base/partition.js';
import { decide } from '../policy/decide.js';
import type { Decision, PolicyRequest } from '../policy/ports.js';
import { ACL_OF_NEW_OBJECT, ACL_RULES, type AclRule } from '../s3/acl/actions.js';
import { aclGrants, privateAcl } from '../s3/acl/grants.js';
import { aclsDisabled, ownerOf, ownerOfNew } from '../s3/acl/owner.js';
import type { BucketPolicy, KnownPolicies } from '../s3/bucket-policy/known-policies.js';
import { type BlockedBy, denial } from '../s3/denial.js';
import { S3Error } from '../s3/error.js';
import type { Tag } from '../s3/fields/tagging.js';
import { bucketArn, type ObjectFact, type Permission } from '../s3/operation.js';
import { BUCKET_TAGS } from '../s3/tags.js';
import type { BucketConfigs } from '../store/bucket-configs.js';
import type { Buckets } from '../store/buckets.js';
import { StoreDamaged } from '../store/errors.js';
import type { BucketRecord, Grant, ObjectRecord } from '../store/records.js';
import type { Stored } from '../store/table.js';
import { type ConditionSource, type CreatedUpload, S3Conditions } from './s3-conditions.js';

/** The account's root keeps these whatever the policy says, so that nobody locks himself out by mistake. */
const OF_POLICY: ReadonlySet<string> = new Set(['s3:GetBucketPolicy', 's3:PutBucketPolicy', 's3:DeleteBucketPolicy']);

const BY_ROOT: Decision = { allowed: true, by: 'account root' };
const NOT_GRANTED: Decision = { allowed: false, explicit: false, by: 'no resource policy' };

type Verdict = Decision | { allowed: false; by: BlockedBy };

/**
 * Decides for one request of S3 over any number of permissions: identity policies, bucket policy, ACLs, ownership and the
 * public access block together. What rules over a bucket is read once (`enter`) and then asked without I/O.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-s3-evaluates-access-control.html
 */
export class Authorizer {
  /** Of the buckets that were entered, by stamp. */
  readonly #policies = new Map<string, BucketPolicy>();
  /** The tags of the buckets that were entered, by bucket id. */
  readonly #tags = new Map<string, readonly Tag[]>();

  constructor(
    private readonly buckets: Buckets,
    private readonly known: KnownPolicies,
    private readonly configs: BucketConfigs,
    private readonly caller: Caller,
    private readonly source: ConditionSource,
  ) {}

  /** From here on, conditions see what the upload was created with that the request is part of. */
  judgeUpload(upload: CreatedUpload): void {
    this.source.upload = upload;
  }

  /**
   * The bucket with what rules over it: a policy that was replaced between two reads is read again.
   * @param read the bucket, where it was read before in this request
   */
  async enter(name: string, read?: Stored<BucketRecord>): Promise<Stored<BucketRecord> | undefined> {
    let missed: string | undefined;
    for (let bucket = read ?? (await this.buckets.get(name)); ; bucket = await this.buckets.get(name)) {
      if (!bucket) return undefined;
      if (bucket.record.configs?.[BUCKET_TAGS.name]) {
        this.#tags.set(bucket.record.bucketId, (await this.configs.read(bucket.record, BUCKET_TAGS)) ?? []);
      }
      const mark = bucket.record.policy;
      if (!mark) return bucket;
      const policy = this.#policies.get(mark.stamp) ?? (await this.known.of(bucket.record));
      if (policy) {
        this.#policies.set(mark.stamp, policy);
        return bucket;
      }
      if (missed === mark.stamp) throw new StoreDamaged('the policy of a bucket is missing');
      missed = mark.stamp;
    }
  }

  policyOf(bucket: BucketRecord): BucketPolicy | undefined {
    if (!bucket.policy) return undefined;
    const policy = this.#policies.get(bucket.policy.stamp);
    // Whoever forgets to enter a bucket must not get past its policy.
    if (!policy) throw new Error('a bucket was asked before it was entered');
    return policy;
  }

  #tagsOf({ bucketId, configs }: BucketRecord): readonly Tag[] | undefined {
    if (!configs?.[BUCKET_TAGS.name]) return undefined;
    const tags = this.#tags.get(bucketId);
    if (!tags) throw new Error('a bucket was asked before it was entered');
    return tags;
  }

  allowed(permission: Permission, bucket: BucketRecord | undefined, object?: ObjectFact): boolean {
    return this.#decide(permission, bucket, object).allowed;
  }

  /** @throws AccessDenied */
  require(permission: Permission, bucket: BucketRecord | undefined, object?: ObjectFact): void {
    const verdict = this.#decide(permission, bucket, object);
    if (verdict.allowed) return;
    const why = 'explicit' in verdict ? verdict : verdict.by;
    throw denial(this.caller, permission, bucket?.ownerAccountId ?? this.caller.accountId, why);
  }

  requireAll(permissions: readonly Permission[], bucket: BucketRecord | undefined, object?: ObjectFact): void {
    for (const permission of permissions) this.require(permission, bucket, object);
    // An operation without a permission of its own (DeleteObjects) is nothing for strangers to whom nothing was opened.
    if (permissions.length > 0) return;
    const { kind, accountId } = this.caller;
    if (kind !== 'anonymous' && (!bucket || accountId === bucket.ownerAccountId)) return;
    if (!bucket?.policy && !bucket?.acl) throw new S3Error('AccessDenied');
  }

  /** Without the right to list, nobody learns that a key is missing. */
  requireToKnow(bucket: BucketRecord): void {
    this.require(toList(bucket), bucket);
  }

  #decide(permission: Permission, bucket: BucketRecord | undefined, object: ObjectFact | undefined): Verdict {
    const { caller } = this;
    const identity = caller.policies;
    if (!bucket) return decide(this.#request(permission, caller.accountId, undefined, undefined), { identity });
    const bucketOwner = bucket.ownerAccountId;
    const policy = this.policyOf(bucket);
    const isOwnersRoot = caller.kind === 'root' && caller.accountId === bucketOwner;
    if (isOwnersRoot && !bucket.policy?.bindsRoot && OF_POLICY.has(permission.action)) return BY_ROOT;
    if (policy?.isPublic && bucket.publicAccessBlock?.restrictPublicBuckets && caller.accountId !== bucketOwner) {
      return { allowed: false, by: 'RestrictPublicBuckets' };
    }
    const version = object === 'absent' ? undefined : object;
    const resource = policy && { resource: policy.document };
    const rule = permission.ofNewObject ? ACL_OF_NEW_OBJECT : ACL_RULES.get(permission.action);
    const owner = this.#ownerOf(permission, rule, bucket, version);
    const granted = (): boolean => this.#granted(permission, rule, owner, bucket, object);
    let decision: Decision;
    if (owner === bucketOwner) {
      const request = this.#request(permission, bucketOwner, bucket, version);
      decision = decide(request, { identity, ...resource, accountTrusted: true, granted });
    } else {
      // What isn't the bucket owner's, the bucket's policy can deny but not open.
      const denied =
        resource && decide(this.#request(permission, bucketOwner, bucket, version), { identity, ...resource });
      if (denied && !denied.allowed && denied.explicit) return denied;
      decision = decide(this.#request(permission, owner, bucket, version), { identity, accountTrusted: true, granted });
    }
    const byRoot = decision.allowed && decision.by === 'account root';
    return byRoot && !rootKeeps(permission, rule, bucket, version, owner) ? NOT_GRANTED : decision;
  }

  #request(
    { action, resource, apart }: Permission,
    resourceAccountId: string,
    bucket: BucketRecord | undefined,
    object: ObjectRecord | undefined,
  ): PolicyRequest {
    const bucketTags = bucket && this.#tagsOf(bucket);
    const context = new S3Conditions(this.source, { resourceAccountId, object, bucketTags, apart });
    const named = inPartition(resource, partitionOf(this.source.region));
    return { principal: this.caller, action, resource: named, resourceAccountId, context };
  }

  /** Whose the resource is: reading and sharing an object is its owner's business, everything else the bucket owner's. */
  #ownerOf(
    permission: Permission,
    rule: AclRule | undefined,
    bucket: BucketRecord,
    version: ObjectRecord | undefined,
  ): string {
    if (permission.ofNewObject) return ownerOfNew(bucket, this.caller, this.source.fields.headers['x-amz-acl']);
    return rule?.on === 'object' && version?.content ? ownerOf(version, bucket) : bucket.ownerAccountId;
  }

  /** What an ACL allows. */
  #granted(
    permission: Permission,
    rule: AclRule | undefined,
    owner: string,
    bucket: BucketRecord,
    object: ObjectFact | undefined,
  ): boolean {
    if (!rule || aclsDisabled(bucket)) return false;
    const { kind, accountId } = this.caller;
    const groupsOnly = kind !== 'root' && accountId === owner;
    if (permission.ofNewObject && kind === 'anonymous') return true;
    const acl = aclOf(rule, bucket, object === 'absent' ? undefined : object);
    if (acl) {
      const ignorePublic = bucket.publicAccessBlock?.ignorePublicAcls;
      return aclGrants(acl, rule.permission, { accountId, groupsOnly, ignorePublic });
    }
    // There is no object whose ACL could be asked: who may list the bucket may learn so.
    return object !== undefined && !groupsOnly && this.allowed(toList(bucket), bucket);
  }
}

const toList = ({ name }: BucketRecord): Permission => ({
  action: 's3:ListBucket',
  resource: bucketArn(name),
  apart: {},
});

function aclOf(rule: AclRule, bucket: BucketRecord, version: ObjectRecord | undefined): readonly Grant[] | undefined {
  if (rule.on === 'bucket') return bucket.acl ?? privateAcl(bucket.ownerAccountId);
  return version?.content && (version.content.acl ?? privateAcl(ownerOf(version, bucket)));
}

/**
 * An owner's grant in an ACL is its account's root's. Where it was taken out, root may still delete, and read and change the
 * ACL, but not more. Users are ruled by their policies.
 */
function rootKeeps(
  { action, ofNewObject }: Permission,
  rule: AclRule | undefined,
  bucket: BucketRecord,
  version: ObjectRecord | undefined,
  owner: string,
): boolean {
  if (!rule || ofNewObject || aclsDisabled(bucket) || action === 's3:DeleteObject') return true;
  if (rule.permission === 'READ_ACP' || rule.permission === 'WRITE_ACP') return true;
  const acl = rule.on === 'bucket' ? bucket.acl : version?.content?.acl;
  return !acl || aclGrants(acl, rule.permission, { accountId: owner });
}
