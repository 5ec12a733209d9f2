/** Every limit, in one file. Units are last in the names. S3's own limits: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */

export const KiB = 1024;
export const MiB = 1024 * KiB;
export const GiB = 1024 * MiB;
export const TiB = 1024 * GiB;

// S3
export const OBJECT_KEY_MAX_BYTES = 1024;
export const PUT_MAX_BYTES = 5 * GiB;
export const PART_MAX_BYTES = 5 * GiB;
export const PART_MIN_BYTES = 5 * MiB;
export const PART_NUMBER_MAX = 10_000;
/** AWS raised the largest object from 5 TiB to 50 TB (48.8 TiB) in December 2025. */
export const OBJECT_MAX_BYTES = PART_MAX_BYTES * PART_NUMBER_MAX;
export const USER_METADATA_MAX_BYTES = 2 * KiB;
/** A browser form without its file. */
export const FORM_FIELDS_MAX_BYTES = 20 * KiB;
export const LIST_MAX_KEYS = 1000;
export const DELETE_OBJECTS_MAX = 1000;
export const CORS_MAX_BYTES = 64 * KiB;
/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketReplication.html */
export const REPLICATION_RULES_MAX = 1000;
export const REPLICATION_MAX_BYTES = 2 * MiB;
export const CORS_RULES_MAX = 100;
export const LIFECYCLE_RULES_MAX = 1000;
export const XML_BODY_MAX_BYTES = 2 * MiB;
/** Names and values of a request's headers, as S3 takes them. */
export const S3_HEADERS_MAX_BYTES = 8 * KiB;
export const CLOCK_SKEW_MAX_MS = 15 * 60 * 1000;
export const PRESIGN_MAX_SECONDS = 604_800;

// KMS
export const KMS_PLAINTEXT_MAX_BYTES = 4096;
export const KMS_CIPHERTEXT_MAX_BYTES = 6144;
export const KMS_JSON_BODY_MAX_BYTES = 256 * KiB;
/** The message of Sign, Verify, GenerateMac and VerifyMac. */
export const SIGNING_MESSAGE_MAX_BYTES = 4096;

// Commands
export const ADMIN_BODY_MAX_BYTES = 64 * KiB;

// Stores
/** A row key can hold an object key of 1,024 NULs, each escaped to two bytes, and what stands around it. */
export const META_KEY_MAX_BYTES = 2 * KiB + 128;
export const META_VALUE_MAX_BYTES = 64 * KiB;
export const META_COMMIT_MAX_OPERATIONS = 500;
export const META_COMMIT_MAX_BYTES = 1 * MiB;
/** One blob value. All values of a part have this size, the last one excepted. */
export const BLOB_VALUE_BYTES = 512 * KiB;
/** What a blob store takes at most: one value, and the values of one put. */
export const BLOB_VALUE_MAX_BYTES = 1 * MiB;
export const BLOB_BATCH_MAX_BYTES = 16 * MiB;
export const BLOB_RUN_MAX_VALUES = 4096;
/** One run of a body that a body thread writes: what is synced at once. */
export const BLOB_RUN_BYTES = 8 * MiB;
/** How much of a body is collected before it is written as one synced batch. */
export const BLOB_FLUSH_BYTES = 4 * MiB;
/** Bodies up to this size (of ciphertext) lie in `meta` beside their record. */
export const INLINE_BODY_MAX_BYTES = 8 * KiB + 256;
/** Ciphertext of all uploads together that waits to be written; further ones wait. LevelDB copies it twice on its way. */
export const UPLOAD_BUDGET_BYTES = 24 * MiB;
