import type { Operation } from './operation.js';
import { abortMultipartUpload } from './operations/AbortMultipartUpload.js';
import { completeMultipartUpload } from './operations/CompleteMultipartUpload.js';
import { copyObject } from './operations/CopyObject.js';
import { createBucket } from './operations/CreateBucket.js';
import { createMultipartUpload } from './operations/CreateMultipartUpload.js';
import { deleteBucket } from './operations/DeleteBucket.js';
import { deleteBucketAnalyticsConfiguration } from './operations/DeleteBucketAnalyticsConfiguration.js';
import { deleteBucketCors } from './operations/DeleteBucketCors.js';
import { deleteBucketEncryption } from './operations/DeleteBucketEncryption.js';
import { deleteBucketIntelligentTieringConfiguration } from './operations/DeleteBucketIntelligentTieringConfiguration.js';
import { deleteBucketInventoryConfiguration } from './operations/DeleteBucketInventoryConfiguration.js';
import { deleteBucketLifecycle } from './operations/DeleteBucketLifecycle.js';
import { deleteBucketMetricsConfiguration } from './operations/DeleteBucketMetricsConfiguration.js';
import { deleteBucketOwnershipControls } from './operations/DeleteBucketOwnershipControls.js';
import { deleteBucketPolicy } from './operations/DeleteBucketPolicy.js';
import { deleteBucketReplication } from './operations/DeleteBucketReplication.js';
import { deleteBucketTagging } from './operations/DeleteBucketTagging.js';
import { deleteBucketWebsite } from './operations/DeleteBucketWebsite.js';
import { deleteObject } from './operations/DeleteObject.js';
import { deleteObjects } from './operations/DeleteObjects.js';
import { deleteObjectTagging } from './operations/DeleteObjectTagging.js';
import { deletePublicAccessBlock } from './operations/DeletePublicAccessBlock.js';
import { getBucketAbac } from './operations/GetBucketAbac.js';
import { getBucketAccelerateConfiguration } from './operations/GetBucketAccelerateConfiguration.js';
import { getBucketAcl } from './operations/GetBucketAcl.js';
import { getBucketAnalyticsConfiguration } from './operations/GetBucketAnalyticsConfiguration.js';
import { getBucketCors } from './operations/GetBucketCors.js';
import { getBucketEncryption } from './operations/GetBucketEncryption.js';
import { getBucketIntelligentTieringConfiguration } from './operations/GetBucketIntelligentTieringConfiguration.js';
import { getBucketInventoryConfiguration } from './operations/GetBucketInventoryConfiguration.js';
import { getBucketLifecycleConfiguration } from './operations/GetBucketLifecycleConfiguration.js';
import { getBucketLocation } from './operations/GetBucketLocation.js';
import { getBucketLogging } from './operations/GetBucketLogging.js';
import { getBucketMetricsConfiguration } from './operations/GetBucketMetricsConfiguration.js';
import { getBucketNotificationConfiguration } from './operations/GetBucketNotificationConfiguration.js';
import { getBucketOwnershipControls } from './operations/GetBucketOwnershipControls.js';
import { getBucketPolicy } from './operations/GetBucketPolicy.js';
import { getBucketPolicyStatus } from './operations/GetBucketPolicyStatus.js';
import { getBucketReplication } from './operations/GetBucketReplication.js';
import { getBucketRequestPayment } from './operations/GetBucketRequestPayment.js';
import { getBucketTagging } from './operations/GetBucketTagging.js';
import { getBucketVersioning } from './operations/GetBucketVersioning.js';
import { getBucketWebsite } from './operations/GetBucketWebsite.js';
import { getObject } from './operations/GetObject.js';
import { getObjectAcl } from './operations/GetObjectAcl.js';
import { getObjectAttributes } from './operations/GetObjectAttributes.js';
import { getObjectLegalHold } from './operations/GetObjectLegalHold.js';
import { getObjectLockConfiguration } from './operations/GetObjectLockConfiguration.js';
import { getObjectRetention } from './operations/GetObjectRetention.js';
import { getObjectTagging } from './operations/GetObjectTagging.js';
import { getObjectTorrent } from './operations/GetObjectTorrent.js';
import { getPublicAccessBlock } from './operations/GetPublicAccessBlock.js';
import { headBucket } from './operations/HeadBucket.js';
import { headObject } from './operations/HeadObject.js';
import { listBucketAnalyticsConfigurations } from './operations/ListBucketAnalyticsConfigurations.js';
import { listBucketIntelligentTieringConfigurations } from './operations/ListBucketIntelligentTieringConfigurations.js';
import { listBucketInventoryConfigurations } from './operations/ListBucketInventoryConfigurations.js';
import { listBucketMetricsConfigurations } from './operations/ListBucketMetricsConfigurations.js';
import { listBuckets } from './operations/ListBuckets.js';
import { listMultipartUploads } from './operations/ListMultipartUploads.js';
import { listObjects } from './operations/ListObjects.js';
import { listObjectsV2 } from './operations/ListObjectsV2.js';
import { listObjectVersions } from './operations/ListObjectVersions.js';
import { listParts } from './operations/ListParts.js';
import { postObject } from './operations/PostObject.js';
import { putBucketAccelerateConfiguration } from './operations/PutBucketAccelerateConfiguration.js';
import { putBucketAcl } from './operations/PutBucketAcl.js';
import { putBucketCors } from './operations/PutBucketCors.js';
import { putBucketEncryption } from './operations/PutBucketEncryption.js';
import { putBucketLifecycleConfiguration } from './operations/PutBucketLifecycleConfiguration.js';
import { putBucketLogging } from './operations/PutBucketLogging.js';
import { putBucketNotificationConfiguration } from './operations/PutBucketNotificationConfiguration.js';
import { putBucketOwnershipControls } from './operations/PutBucketOwnershipControls.js';
import { putBucketPolicy } from './operations/PutBucketPolicy.js';
import { putBucketReplication } from './operations/PutBucketReplication.js';
import { putBucketRequestPayment } from './operations/PutBucketRequestPayment.js';
import { putBucketTagging } from './operations/PutBucketTagging.js';
import { putBucketVersioning } from './operations/PutBucketVersioning.js';
import { putObject } from './operations/PutObject.js';
import { putObjectAcl } from './operations/PutObjectAcl.js';
import { putObjectLegalHold } from './operations/PutObjectLegalHold.js';
import { putObjectLockConfiguration } from './operations/PutObjectLockConfiguration.js';
import { putObjectRetention } from './operations/PutObjectRetention.js';
import { putObjectTagging } from './operations/PutObjectTagging.js';
import { putPublicAccessBlock } from './operations/PutPublicAccessBlock.js';
import { renameObject } from './operations/RenameObject.js';
import { restoreObject } from './operations/RestoreObject.js';
import { updateObjectEncryption } from './operations/UpdateObjectEncryption.js';
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
  deleteBucketAnalyticsConfiguration,
  deleteBucketCors,
  deleteBucketEncryption,
  deleteBucketIntelligentTieringConfiguration,
  deleteBucketInventoryConfiguration,
  deleteBucketLifecycle,
  deleteBucketMetricsConfiguration,
  deleteBucketOwnershipControls,
  deleteBucketPolicy,
  deleteBucketReplication,
  deleteBucketTagging,
  deleteBucketWebsite,
  deleteObject,
  deleteObjects,
  deleteObjectTagging,
  deletePublicAccessBlock,
  getBucketAbac,
  getBucketAccelerateConfiguration,
  getBucketAcl,
  getBucketAnalyticsConfiguration,
  getBucketCors,
  getBucketEncryption,
  getBucketIntelligentTieringConfiguration,
  getBucketInventoryConfiguration,
  getBucketLifecycleConfiguration,
  getBucketLocation,
  getBucketLogging,
  getBucketMetricsConfiguration,
  getBucketNotificationConfiguration,
  getBucketOwnershipControls,
  getBucketPolicy,
  getBucketPolicyStatus,
  getBucketReplication,
  getBucketRequestPayment,
  getBucketTagging,
  getBucketVersioning,
  getBucketWebsite,
  getObject,
  getObjectAcl,
  getObjectAttributes,
  getObjectLegalHold,
  getObjectLockConfiguration,
  getObjectRetention,
  getObjectTagging,
  getObjectTorrent,
  getPublicAccessBlock,
  headBucket,
  headObject,
  listBucketAnalyticsConfigurations,
  listBucketIntelligentTieringConfigurations,
  listBucketInventoryConfigurations,
  listBucketMetricsConfigurations,
  listBuckets,
  listMultipartUploads,
  listObjects,
  listObjectsV2,
  listObjectVersions,
  listParts,
  postObject,
  putBucketAccelerateConfiguration,
  putBucketAcl,
  putBucketCors,
  putBucketEncryption,
  putBucketLifecycleConfiguration,
  putBucketLogging,
  putBucketNotificationConfiguration,
  putBucketOwnershipControls,
  putBucketPolicy,
  putBucketReplication,
  putBucketRequestPayment,
  putBucketTagging,
  putBucketVersioning,
  putObject,
  putObjectAcl,
  putObjectLegalHold,
  putObjectLockConfiguration,
  putObjectRetention,
  putObjectTagging,
  putPublicAccessBlock,
  renameObject,
  restoreObject,
  updateObjectEncryption,
  uploadPart,
  uploadPartCopy,
];
