import type { EncryptionContext } from './ports.js';

/** Where an object lies, for its encryption context. */
export interface ObjectArns {
  bucketArn: string;
  objectArn: string;
}

/** The pair that S3 adds. */
export const S3_ARN = 'aws:s3:arn';

export const objectContext = (arns: ObjectArns, context: EncryptionContext): EncryptionContext => ({
  ...context,
  [S3_ARN]: arns.objectArn,
});

/** A bucket key serves many objects: only the bucket is in its context, the client's pairs are bound in the local wrap. */
export const bucketContext = (arns: ObjectArns): EncryptionContext => ({ [S3_ARN]: arns.bucketArn });
