import { AWS, inPartition, partitionOfArn } from '../base/partition.js';
import type { EncryptionContext } from './ports.js';

/** Where an object lies, for its encryption context. */
export interface ObjectArns {
  bucketArn: string;
  objectArn: string;
}

/** The pair that S3 adds. */
export const S3_ARN = 'aws:s3:arn';

/** Of a wrap whose context names the object in another partition than `aws`. */
export interface ContextPartition {
  partition?: string;
}

export function partitionMember({ bucketArn }: ObjectArns): ContextPartition {
  const partition = partitionOfArn(bucketArn) ?? AWS;
  return partition === AWS ? {} : { partition };
}

/** As they were when the wrap was made. */
export const arnsOfWrap = (
  { bucketArn, objectArn }: ObjectArns,
  { partition = AWS }: ContextPartition,
): ObjectArns => ({
  bucketArn: inPartition(bucketArn, partition),
  objectArn: inPartition(objectArn, partition),
});

export const objectContext = (arns: ObjectArns, context: EncryptionContext): EncryptionContext => ({
  ...context,
  [S3_ARN]: arns.objectArn,
});

/** A bucket key serves many objects: only the bucket is in its context, the client's pairs are bound in the local wrap. */
export const bucketContext = (arns: ObjectArns): EncryptionContext => ({ [S3_ARN]: arns.bucketArn });
