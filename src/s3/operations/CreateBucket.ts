import { randomId } from '../../base/ids.js';
import type { BucketRecord } from '../../store/records.js';
import { S3Error } from '../error.js';
import { requireBucketName } from '../fields/bucket-name.js';
import { header } from '../fields/field.js';
import { isLocationConstraint } from '../fields/region.js';
import { text, xmlBody } from '../fields/xml.js';
import { bucketArn, operation } from '../operation.js';

export const createBucket = operation({
  name: 'CreateBucket',
  route: { method: 'PUT', on: 'bucket' },
  input: {
    locationConstraint: xmlBody((tree) => tree && text(tree, 'LocationConstraint')),
    tagged: xmlBody((tree) => tree?.children.some((one) => one.name === 'Tags') ?? false),
    objectLock: header('x-amz-bucket-object-lock-enabled'),
  },
  body: { kind: 'xml', root: 'CreateBucketConfiguration', required: false },
  facts: [],
  needs: ({ bucket }) => [{ action: 's3:CreateBucket', resource: bucketArn(bucket) }],
  errors: [
    'BucketAlreadyExists',
    'BucketAlreadyOwnedByYou',
    'IllegalLocationConstraintException',
    'InvalidBucketName',
    'InvalidLocationConstraint',
    'NotImplemented',
  ],
  async handle({ bucket, locationConstraint, tagged, objectLock }, { caller, services }) {
    requireBucketName(bucket);
    if (objectLock?.toLowerCase() === 'true') {
      throw new S3Error('NotImplemented', { extra: { Header: 'x-amz-bucket-object-lock-enabled' } });
    }
    if (tagged) throw new S3Error('NotImplemented', { message: 'Bucket tags are not implemented' });
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
    };
    if (await services.buckets.create(record)) return { location: locationOf(bucket, services.region) };
    const existing = await services.buckets.get(bucket);
    if (existing?.record.ownerAccountId !== caller.accountId) {
      throw new S3Error('BucketAlreadyExists', { extra: { BucketName: bucket } });
    }
    // In us-east-1, and only there, making one's own bucket again is no error.
    if (services.region === 'us-east-1') return { location: locationOf(bucket, services.region) };
    throw new S3Error('BucketAlreadyOwnedByYou', { extra: { BucketName: bucket } });
  },
  reply: ({ location }, { bucket }) => ({ headers: { location, 'x-amz-bucket-arn': bucketArn(bucket) } }),
});

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
