import { randomId } from '../../base/ids.js';
import type { XmlTree } from '../../base/xml/ports.js';
import type { BucketRecord, ObjectOwnership, PublicAccessBlock } from '../../store/records.js';
import { isPublicAcl } from '../acl/grants.js';
import { aclsDisabled } from '../acl/owner.js';
import { type AclRequest, resolveAcl } from '../acl/request.js';
import { denial } from '../denial.js';
import { S3Error } from '../error.js';
import { aclHeaders } from '../fields/acl.js';
import { requireBucketName } from '../fields/bucket-name.js';
import { objectOwnership } from '../fields/object-ownership.js';
import { isLocationConstraint } from '../fields/region.js';
import type { Tag } from '../fields/tagging.js';
import { child, only, text, xmlBody } from '../fields/xml.js';
import { bucketArn, bucketArnIn, type Field, type OperationContext, operation, type Permission } from '../operation.js';
import type { Services } from '../services.js';
import { BUCKET_TAG_RULES, BUCKET_TAGS, decodeTags } from '../tags.js';
import { bucketUrl, endpointOf } from '../urls.js';

const LOCK_ENABLED = 'x-amz-bucket-object-lock-enabled';
const objectLock: Field<boolean> = {
  read({ headers }) {
    const value = headers[LOCK_ENABLED];
    const lower = value?.toLowerCase();
    if (lower === 'true') return true;
    if (lower === undefined || lower === 'false') return false;
    // Whoever asks for a lock must not get a bucket without.
    throw new S3Error('InvalidArgument', {
      message: `The value of ${LOCK_ENABLED} is neither true nor false.`,
      extra: { ArgumentName: LOCK_ENABLED, ArgumentValue: value! },
    });
  },
};

export const createBucket = operation({
  name: 'CreateBucket',
  route: { method: 'PUT', on: 'bucket' },
  input: {
    locationConstraint: xmlBody(decodeLocation),
    tags: xmlBody(decodeBucketTags),
    objectLock,
    acl: aclHeaders,
    ownership: objectOwnership,
  },
  body: { kind: 'xml', root: 'CreateBucketConfiguration', required: false },
  facts: [],
  needs: ({ bucket, tags, objectLock, acl, ownership }) => {
    const resource = bucketArn(bucket);
    const needs: Permission[] = [{ action: 's3:CreateBucket', resource }];
    if (tags.length > 0) needs.push({ action: 's3:TagResource', resource });
    if (objectLock) {
      needs.push({ action: 's3:PutBucketVersioning', resource });
      needs.push({ action: 's3:PutBucketObjectLockConfiguration', resource });
    }
    if (acl) needs.push({ action: 's3:PutBucketAcl', resource });
    if (ownership) needs.push({ action: 's3:PutBucketOwnershipControls', resource });
    return needs;
  },
  errors: [
    'AccessDenied',
    'BucketAlreadyExists',
    'BucketAlreadyOwnedByYou',
    'IllegalLocationConstraintException',
    'InvalidArgument',
    'InvalidBucketAclWithBlockPublicAccessError',
    'InvalidBucketAclWithObjectOwnership',
    'InvalidBucketName',
    'InvalidLocationConstraint',
    'InvalidTag',
    'MalformedXML',
    'NotImplemented',
  ],
  async handle({ bucket, locationConstraint, tags, objectLock, ...access }, context) {
    const { caller, services } = context;
    requireBucketName(bucket);
    checkLocation(locationConstraint, services.region);
    const record: BucketRecord = {
      bucketId: randomId().toString('hex'),
      name: bucket,
      ownerAccountId: caller.accountId,
      createdMs: services.clock.now(),
      locationConstraint: locationConstraint ?? '',
      encryption: {
        algorithm: 'AES256',
        bucketKeyEnabled: false,
        blockSseC: services.settings.sseCDefault === 'blocked',
        explicit: false,
      },
      ...(objectLock ? { versioning: 'Enabled', objectLock: {} } : {}),
      ...accessOf(access, caller.accountId, services),
    };
    const tagging = tags.length === 0 ? undefined : services.configs.prepare(record, BUCKET_TAGS, tags);
    const made = {
      location: locationConstraint ? bucketUrl(endpointOf(context), bucket) : `/${bucket}`,
      arn: bucketArnIn(services.region, bucket),
    };
    for (;;) {
      if (await services.buckets.create(tagging?.record ?? record, tagging?.alongside)) return made;
      const existing = await services.buckets.get(bucket);
      if (!existing) continue;
      if (existing.record.ownerAccountId !== caller.accountId) {
        throw new S3Error('BucketAlreadyExists', { extra: { BucketName: bucket } });
      }
      // In us-east-1, and only there, making one's own bucket again is no error; neither tags nor another region may come with it.
      const again = services.region === 'us-east-1' && tags.length === 0 && !locationConstraint;
      if (!again || existing.record.locationConstraint !== '') {
        throw new S3Error('BucketAlreadyOwnedByYou', { extra: { BucketName: bucket } });
      }
      if (await resetAcl(existing.record, access.acl, context)) return made;
    }
  },
  reply: ({ location, arn }) => ({ headers: { location, 'x-amz-bucket-arn': arn } }),
});

/** `Location` and `Bucket` make directory buckets. */
function decodeLocation(tree: XmlTree | undefined): string | undefined {
  if (!tree) return undefined;
  only(tree, ['LocationConstraint', 'Location', 'Bucket', 'Tags']);
  if (child(tree, 'Location') ?? child(tree, 'Bucket')) {
    throw new S3Error('NotImplemented', { message: 'Directory buckets are not implemented' });
  }
  return text(tree, 'LocationConstraint');
}

/** Ownership, public access block and ACL that the bucket starts with. */
function accessOf(
  { acl: request, ownership: asked }: { acl: AclRequest | undefined; ownership: ObjectOwnership | undefined },
  owner: string,
  { accounts, settings }: Services,
): Partial<BucketRecord> {
  // Where nothing else was asked for, objects belong to their writers, as in buckets that have no controls.
  const byDefault = settings.objectOwnership === 'ObjectWriter' ? undefined : settings.objectOwnership;
  const ownership = asked ?? byDefault;
  const acl = resolveAcl(request, accounts, owner, owner);
  if (acl && ownership === 'BucketOwnerEnforced') throw new S3Error('InvalidBucketAclWithObjectOwnership');
  if (settings.blockPublicAccess && isPublicAcl(acl)) throw new S3Error('InvalidBucketAclWithBlockPublicAccessError');
  return {
    ...(ownership && { ownership }),
    ...(acl && { acl }),
    ...(settings.blockPublicAccess && { publicAccessBlock: BLOCK_ALL }),
  };
}

/**
 * A bucket that is made again gets the ACL that this request asks for, or the private one, as in AWS's us-east-1. What rules over
 * the bucket has its say; who may not put the ACL, and asks for none, leaves it. `false`: the bucket is gone.
 * @throws AccessDenied, InvalidBucketAclWithObjectOwnership
 */
async function resetAcl(
  { name, bucketId }: BucketRecord,
  request: AclRequest | undefined,
  context: OperationContext,
): Promise<boolean> {
  const { services, caller } = context;
  const entered = await context.enter(name);
  if (entered?.record.bucketId !== bucketId) return false;
  const permission = { action: 's3:PutBucketAcl', resource: bucketArn(name) } as const;
  if (request) context.require(permission, entered.record);
  const acl = resolveAcl(request, services.accounts, caller.accountId, caller.accountId);
  if (acl && aclsDisabled(entered.record)) throw new S3Error('InvalidBucketAclWithObjectOwnership');
  if (!acl && !entered.record.acl) return true;
  if (!context.allowed(permission, entered.record)) return true;
  const changed = await services.buckets.update(name, (found) => {
    if (found.bucketId !== bucketId) return found;
    if (acl && aclsDisabled(found)) throw new S3Error('InvalidBucketAclWithObjectOwnership');
    if (found.publicAccessBlock?.blockPublicAcls && isPublicAcl(acl)) {
      throw denial(caller, permission, found.ownerAccountId, 'BlockPublicAcls');
    }
    const { acl: _, ...record } = found;
    return acl ? { ...record, acl } : record;
  });
  return changed?.bucketId === bucketId;
}

const BLOCK_ALL: PublicAccessBlock = {
  blockPublicAcls: true,
  ignorePublicAcls: true,
  blockPublicPolicy: true,
  restrictPublicBuckets: true,
};

/** CreateBucket words AWS's prefix in its own way. */
const TAG_RULES = {
  ...BUCKET_TAG_RULES,
  systemTag:
    'User-defined tag keys can\'t start with "aws:". This prefix is reserved for system tags. Remove "aws:" from your tag keys and try again.',
};

function decodeBucketTags(tree: XmlTree | undefined): Tag[] {
  const set = tree && child(tree, 'Tags');
  return set ? decodeTags(set, TAG_RULES) : [];
}

/** One Coffer is one region: its own is the only place a bucket can be. */
function checkLocation(constraint: string | undefined, region: string): void {
  if (!constraint) {
    if (region === 'us-east-1') return;
    throw new S3Error('IllegalLocationConstraintException');
  }
  if (region === 'us-east-1' && !isLocationConstraint(constraint)) {
    throw new S3Error('InvalidLocationConstraint', { extra: { LocationConstraint: constraint } });
  }
  if (constraint === region || (constraint === 'EU' && region === 'eu-west-1')) return;
  // AWS's global endpoint, which us-east-1 answers for, makes buckets in every region; here they lie in the one there is.
  if (region === 'us-east-1') return;
  throw new S3Error('IllegalLocationConstraintException', {
    message: `The ${constraint} location constraint is incompatible for the region specific endpoint this request was sent to.`,
  });
}
