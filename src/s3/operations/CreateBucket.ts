import { randomId } from '../../base/ids.js';
import type { XmlTree } from '../../base/xml/ports.js';
import type { BucketRecord } from '../../store/records.js';
import { S3Error } from '../error.js';
import { requireBucketName } from '../fields/bucket-name.js';
import { isLocationConstraint } from '../fields/region.js';
import type { Tag } from '../fields/tagging.js';
import { child, text, xmlBody } from '../fields/xml.js';
import { bucketArn, type Field, operation, type Permission } from '../operation.js';
import { BUCKET_TAG_RULES, BUCKET_TAGS, decodeTags } from '../tags.js';

/** `x-amz-bucket-object-lock-enabled`. */
const objectLock: Field<boolean> = {
  read: ({ headers }) => headers['x-amz-bucket-object-lock-enabled']?.toLowerCase() === 'true',
};

export const createBucket = operation({
  name: 'CreateBucket',
  route: { method: 'PUT', on: 'bucket' },
  input: {
    locationConstraint: xmlBody((tree) => tree && text(tree, 'LocationConstraint')),
    tags: xmlBody(decodeBucketTags),
    objectLock,
  },
  body: { kind: 'xml', root: 'CreateBucketConfiguration', required: false },
  facts: [],
  needs: ({ bucket, tags, objectLock }) => {
    const resource = bucketArn(bucket);
    const needed: Permission[] = [{ action: 's3:CreateBucket', resource }];
    if (tags.length > 0) needed.push({ action: 's3:TagResource', resource });
    if (objectLock) {
      needed.push({ action: 's3:PutBucketVersioning', resource });
      needed.push({ action: 's3:PutBucketObjectLockConfiguration', resource });
    }
    return needed;
  },
  errors: [
    'BucketAlreadyExists',
    'BucketAlreadyOwnedByYou',
    'IllegalLocationConstraintException',
    'InvalidBucketName',
    'InvalidLocationConstraint',
    'InvalidTag',
  ],
  async handle({ bucket, locationConstraint, tags, objectLock }, { caller, services }) {
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
    };
    const tagging = tags.length === 0 ? undefined : services.configs.prepare(record, BUCKET_TAGS, tags);
    if (await services.buckets.create(tagging?.record ?? record, tagging?.alongside))
      return { location: locationOf(bucket, services.region) };
    const existing = await services.buckets.get(bucket);
    if (existing?.record.ownerAccountId !== caller.accountId) {
      throw new S3Error('BucketAlreadyExists', { extra: { BucketName: bucket } });
    }
    // In us-east-1, and only there, making one's own bucket again is no error, unless tags come with it.
    if (services.region === 'us-east-1' && tags.length === 0) return { location: locationOf(bucket, services.region) };
    throw new S3Error('BucketAlreadyOwnedByYou', { extra: { BucketName: bucket } });
  },
  reply: ({ location }, { bucket }) => ({ headers: { location, 'x-amz-bucket-arn': bucketArn(bucket) } }),
});

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

function locationOf(bucket: string, region: string): string {
  return region === 'us-east-1' ? `/${bucket}` : `http://${bucket}.s3.amazonaws.com/`;
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
