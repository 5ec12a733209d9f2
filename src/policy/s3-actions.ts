import { compileWildcard } from './match.js';

/** On what an action of S3 is asked. */
export type S3Level = 'account' | 'bucket' | 'object';

/** https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html */
const NAMES: Record<S3Level, string> = {
  account: `
    CreateAccessGrantsInstance CreateJob DescribeJob GetAccountPublicAccessBlock ListAccessPoints ListAllMyBuckets ListJobs
    ListMultiRegionAccessPoints ListStorageLensConfigurations PutAccountPublicAccessBlock PutStorageLensConfiguration
    UpdateJobPriority UpdateJobStatus`,
  bucket: `
    CreateBucket CreateBucketMetadataTableConfiguration DeleteBucket DeleteBucketMetadataTableConfiguration
    DeleteBucketOwnershipControls DeleteBucketPolicy DeleteBucketWebsite GetAccelerateConfiguration GetAnalyticsConfiguration
    GetBucketAbac GetBucketAcl GetBucketCORS GetBucketLocation GetBucketLogging GetBucketMetadataTableConfiguration
    GetBucketNotification GetBucketObjectLockConfiguration GetBucketOwnershipControls GetBucketPolicy GetBucketPolicyStatus
    GetBucketPublicAccessBlock GetBucketRequestPayment GetBucketTagging GetBucketVersioning GetBucketWebsite
    GetEncryptionConfiguration GetIntelligentTieringConfiguration GetInventoryConfiguration GetLifecycleConfiguration
    GetMetricsConfiguration GetReplicationConfiguration ListBucket ListBucketMultipartUploads ListBucketVersions
    ListTagsForResource PutAccelerateConfiguration PutAnalyticsConfiguration PutBucketAbac PutBucketAcl PutBucketCORS
    PutBucketLogging PutBucketNotification PutBucketObjectLockConfiguration PutBucketOwnershipControls PutBucketPolicy
    PutBucketPublicAccessBlock PutBucketRequestPayment PutBucketTagging PutBucketVersioning PutBucketWebsite
    PutEncryptionConfiguration PutIntelligentTieringConfiguration PutInventoryConfiguration PutLifecycleConfiguration
    PutMetricsConfiguration PutReplicationConfiguration TagResource UntagResource
    UpdateBucketMetadataInventoryTableConfiguration UpdateBucketMetadataJournalTableConfiguration`,
  object: `
    AbortMultipartUpload BypassGovernanceRetention DeleteObject DeleteObjectTagging DeleteObjectVersion
    DeleteObjectVersionTagging GetObject GetObjectAcl GetObjectAttributes GetObjectLegalHold GetObjectRetention
    GetObjectTagging GetObjectTorrent GetObjectVersion GetObjectVersionAcl GetObjectVersionAttributes
    GetObjectVersionForReplication GetObjectVersionTagging GetObjectVersionTorrent InitiateReplication
    ListMultipartUploadParts ObjectOwnerOverrideToBucketOwner PutObject PutObjectAcl PutObjectLegalHold PutObjectRetention
    PutObjectTagging PutObjectVersionAcl PutObjectVersionTagging RenameObject ReplicateDelete ReplicateObject ReplicateTags
    RestoreObject UpdateObjectEncryption`,
};

const LEVELS: ReadonlyMap<string, S3Level> = new Map(
  (Object.keys(NAMES) as S3Level[]).flatMap((level) =>
    NAMES[level]
      .trim()
      .split(/\s+/)
      .map((name) => [`s3:${name}`.toLowerCase(), level] as const),
  ),
);

/** The actions of S3 that a pattern means, in lower case, with their level. */
export function s3ActionsOf(pattern: string): [action: string, level: S3Level][] {
  const matches = compileWildcard(pattern.toLowerCase());
  return [...LEVELS].filter(([action]) => matches(action));
}
