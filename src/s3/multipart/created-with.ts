import { requireUploadId } from '../../store/uploads.js';
import type { RequestFields } from '../operation.js';

const CUSTOMER_ALGORITHM = 'x-amz-server-side-encryption-customer-algorithm';

/**
 * What the version that an upload becomes will have is said when the upload is created, and never again. A policy that demands it
 * of s3:PutObject sees it at each part and at the end, as on AWS.
 */
export const OF_CREATION: ReadonlySet<string> = new Set([
  'x-amz-acl',
  'x-amz-grant-full-control',
  'x-amz-grant-read',
  'x-amz-grant-read-acp',
  'x-amz-grant-write',
  'x-amz-grant-write-acp',
  'x-amz-object-lock-legal-hold',
  'x-amz-object-lock-mode',
  'x-amz-object-lock-retain-until-date',
  'x-amz-server-side-encryption',
  'x-amz-server-side-encryption-aws-kms-key-id',
  CUSTOMER_ALGORITHM,
  'x-amz-storage-class',
  'x-amz-tagging',
  'x-amz-website-redirect-location',
]);

/** Of CreateMultipartUpload. */
export function createdWith({ headers, sseCustomer }: RequestFields): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of OF_CREATION) {
    const value = name === CUSTOMER_ALGORITHM ? sseCustomer?.algorithm : headers[name];
    if (value !== undefined) found[name] = value;
  }
  return found;
}

/** When an upload with an id that Coffer made began. */
export const beganMs = (uploadId: string): number => Number(requireUploadId(uploadId).readBigUInt64BE() / 1000n);
