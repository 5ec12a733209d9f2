import type { Operation } from './operation.js';
import { abortMultipartUpload } from './operations/AbortMultipartUpload.js';
import { completeMultipartUpload } from './operations/CompleteMultipartUpload.js';
import { copyObject } from './operations/CopyObject.js';
import { createBucket } from './operations/CreateBucket.js';
import { createMultipartUpload } from './operations/CreateMultipartUpload.js';
import { deleteBucket } from './operations/DeleteBucket.js';
import { deleteBucketEncryption } from './operations/DeleteBucketEncryption.js';
import { deleteObject } from './operations/DeleteObject.js';
import { deleteObjects } from './operations/DeleteObjects.js';
import { getBucketEncryption } from './operations/GetBucketEncryption.js';
import { getBucketLocation } from './operations/GetBucketLocation.js';
import { getBucketVersioning } from './operations/GetBucketVersioning.js';
import { getObject } from './operations/GetObject.js';
import { getObjectAttributes } from './operations/GetObjectAttributes.js';
import { headBucket } from './operations/HeadBucket.js';
import { headObject } from './operations/HeadObject.js';
import { listBuckets } from './operations/ListBuckets.js';
import { listMultipartUploads } from './operations/ListMultipartUploads.js';
import { listObjects } from './operations/ListObjects.js';
import { listObjectsV2 } from './operations/ListObjectsV2.js';
import { listObjectVersions } from './operations/ListObjectVersions.js';
import { listParts } from './operations/ListParts.js';
import { postObject } from './operations/PostObject.js';
import { putBucketEncryption } from './operations/PutBucketEncryption.js';
import { putBucketVersioning } from './operations/PutBucketVersioning.js';
import { putObject } from './operations/PutObject.js';
import { uploadPart } from './operations/UploadPart.js';
import { uploadPartCopy } from './operations/UploadPartCopy.js';

/** Everything that S3 clients can call. An operation that isn't here doesn't exist: `http/` answers 501 for what S3 knows besides. */
// biome-ignore lint/suspicious/noExplicitAny: each operation has its own input and result; the edge passes them through unseen.
export const OPERATIONS: readonly Operation<any, any>[] = [
  abortMultipartUpload,
  completeMultipartUpload,
  copyObject,
  createBucket,
  createMultipartUpload,
  deleteBucket,
  deleteBucketEncryption,
  deleteObject,
  deleteObjects,
  getBucketEncryption,
  getBucketLocation,
  getBucketVersioning,
  getObject,
  getObjectAttributes,
  headBucket,
  headObject,
  listBuckets,
  listMultipartUploads,
  listObjects,
  listObjectsV2,
  listObjectVersions,
  listParts,
  postObject,
  putBucketEncryption,
  putBucketVersioning,
  putObject,
  uploadPart,
  uploadPartCopy,
];
