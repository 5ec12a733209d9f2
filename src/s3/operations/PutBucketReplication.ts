import { REPLICATION_MAX_BYTES } from '../../base/limits.js';
import { putBucketConfig } from '../bucket-config.js';
import { S3Error } from '../error.js';
import { NOT_VERSIONED } from '../failures.js';
import { xmlBody } from '../fields/xml.js';
import { bucketArn, operation } from '../operation.js';
import { invalidBucketArn } from '../replication/check.js';
import { decodeReplication } from '../replication/decode.js';
import { requireAssumable, requirePassRole } from '../replication/pass-role.js';
import { bucketOfArn, isHere, REPLICATION } from '../replication/rules.js';

export const putBucketReplication = operation({
  name: 'PutBucketReplication',
  route: { method: 'PUT', on: 'bucket', query: ['replication'] },
  input: { replication: xmlBody(decodeReplication) },
  body: {
    kind: 'xml',
    root: 'ReplicationConfiguration',
    required: true,
    maxBytes: REPLICATION_MAX_BYTES,
    integrity: 'required',
  },
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:PutReplicationConfiguration', resource: bucketArn(bucket) }],
  errors: [
    'NotImplemented',
    'AccessDenied',
    'InvalidArgument',
    'InvalidRequest',
    'InvalidTag',
    'MalformedXML',
    'MaxMessageLengthExceeded',
  ],
  async handle({ bucket, replication }, context) {
    requirePassRole(replication.role, context);
    // Versioning can't be suspended, so that who finds it enabled needn't look again.
    if (context.facts.bucket.record.versioning !== 'Enabled') {
      throw new S3Error('InvalidRequest', {
        message: "Versioning must be 'Enabled' on the bucket to apply a replication configuration",
      });
    }
    const destinations = new Set(replication.rules.map((rule) => rule.destination.bucketArn));
    for (const arn of destinations) if (!isHere(arn, context.services)) throw invalidBucketArn(arn);
    if ([...destinations].some((arn) => bucketOfArn(arn) === bucket)) {
      throw new S3Error('InvalidRequest', { message: 'Destination bucket must be different from the source bucket.' });
    }
    for (const destination of destinations) {
      if (!(await context.services.replication.isVersioned(destination))) {
        throw new S3Error('InvalidRequest', { message: NOT_VERSIONED });
      }
    }
    requireAssumable(replication.role, context);
    await putBucketConfig(context, REPLICATION, replication);
  },
  reply: () => ({}),
});
