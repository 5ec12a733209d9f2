import { partitionOf } from '../../base/partition.js';
import { parseBucketPolicy } from '../../policy/bucket-policy.js';
import { PolicyError } from '../../policy/error.js';
import { isPublic } from '../../policy/is-public.js';
import type { PolicyDocument } from '../../policy/ports.js';
import { S3Error } from '../error.js';

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html: 20 KB. */
const POLICY_MAX_BYTES = 20 * 1024;
/** What is read before it is refused by its size. */
export const TEXT_MAX_BYTES = 64 * 1024;

/** @throws MalformedPolicy */
export function parsePolicyText(
  text: string,
  bucket: string,
  { region }: { region: string },
): { document: PolicyDocument; isPublic: boolean } {
  if (Buffer.byteLength(text) > POLICY_MAX_BYTES) throw malformed('Policy exceeds the maximum allowed document size.');
  try {
    const document = parseBucketPolicy(text, bucket, partitionOf(region));
    return { document, isPublic: isPublic(document) };
  } catch (error) {
    throw error instanceof PolicyError ? malformed(error.message) : error;
  }
}

const malformed = (message: string): S3Error => new S3Error('MalformedPolicy', { message });
