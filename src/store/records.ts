/** What is stored about buckets, objects and uploads. Binary values are base64url text; times are milliseconds since the epoch. */
import type { Run } from './ports.js';
import type { Shape } from './table.js';

export type VersioningStatus = 'Enabled' | 'Suspended';

export interface BucketRecord {
  /** 16 random bytes, hex: what rows and encryption bind to; a bucket made again under the same name is another one. */
  bucketId: string;
  name: string;
  ownerAccountId: string;
  createdMs: number;
  /** As it was sent, empty for us-east-1. */
  locationConstraint: string;
  versioning?: VersioningStatus;
  encryption: BucketEncryption;
  /** PutBucketOwnershipControls; absent: none were put, and objects belong to who writes them. */
  ownership?: ObjectOwnership;
  /** Absent: the owner has FULL_CONTROL and nobody else anything. */
  acl?: Grant[];
  publicAccessBlock?: PublicAccessBlock;
  /** Present where the bucket has a policy, which lies in a row of its own (`BucketPolicies`). */
  policy?: BucketPolicyMark;
  /** Which configurations lie in rows of their own (`BucketConfigs`), each with a stamp that every write of it draws anew. */
  configs?: Readonly<Record<string, string>>;
  /** PutBucketRequestPayment; absent: the bucket's owner pays. */
  requestPayer?: 'Requester' | 'BucketOwner';
  accelerate?: 'Enabled' | 'Suspended';
  /** Present where Object Lock is enabled, which can't be undone. */
  objectLock?: { defaultRetention?: DefaultRetention };
  /**
   * DeleteBucket is under way: the bucket takes no more objects. Undone once the gateway has ended that was at it: its id, hex, where
   * several share the store.
   */
  deleting?: true | string;
}

/** PutBucketEncryption's rule; `AES256` where none was put. */
export interface BucketEncryption {
  algorithm: 'AES256' | 'aws:kms' | 'aws:kms:dsse';
  kmsKeyId?: string;
  bucketKeyEnabled: boolean;
  /** `BlockedEncryptionTypes`. */
  blockSseC: boolean;
  /** Was it put by a client, or is it what every bucket starts with? */
  explicit: boolean;
}

export type ObjectOwnership = 'BucketOwnerEnforced' | 'BucketOwnerPreferred' | 'ObjectWriter';

export type AclPermission = 'READ' | 'WRITE' | 'READ_ACP' | 'WRITE_ACP' | 'FULL_CONTROL';

/** The groups that S3 knows: everyone, everyone who signs, and the service that writes access logs. */
export type AclGroup = 'AllUsers' | 'AuthenticatedUsers' | 'LogDelivery';

/** One line of an ACL. Accounts stand by their id, so that what they are called may change. */
export type Grant = { permission: AclPermission } & ({ account: string } | { group: AclGroup });

export interface PublicAccessBlock {
  blockPublicAcls: boolean;
  ignorePublicAcls: boolean;
  blockPublicPolicy: boolean;
  restrictPublicBuckets: boolean;
}

export interface BucketPolicyMark {
  /** Drawn anew by every PutBucketPolicy: what was read under a stamp never changes. */
  stamp: string;
  /** Its author, the account's root, confirmed that it may shut root out of the policy itself. */
  bindsRoot?: true;
}

/** The row of a bucket's policy. */
export interface BucketPolicyRecord {
  /** The one in the bucket's record. */
  stamp: string;
  /** JSON, as it was put. */
  text: string;
}

export type RetentionMode = 'GOVERNANCE' | 'COMPLIANCE';

/** What new versions of a bucket with Object Lock get where the request names no retention: one of days and years. */
export interface DefaultRetention {
  mode: RetentionMode;
  days?: number;
  years?: number;
}

/** Object Lock of one version. */
export interface VersionLock {
  retention?: { mode: RetentionMode; untilMs: number };
  /** `OFF` where it was on or set to off; absent where it was never put. */
  legalHold?: 'ON' | 'OFF';
}

/** One page of a bucket's configuration (`BucketConfigs`). */
export interface BucketConfigPage {
  /** The same on every page of one write, and in the bucket's record. */
  stamp: string;
  /** A piece of the configuration's JSON. */
  json: string;
}

/** What a RenameObject with a client token did, for its repetition. */
export interface RenameToken {
  /** SHA-256 over the parameters, hex. */
  parameters: string;
  untilMs: number;
}

/** Headers that S3 stores and returns as they were sent. */
export interface SystemMetadata {
  contentType?: string;
  contentEncoding?: string;
  contentDisposition?: string;
  contentLanguage?: string;
  cacheControl?: string;
  expires?: string;
  websiteRedirectLocation?: string;
}

/** One encrypted message: the body of an object, or of one part of it. */
export interface BodyPart {
  /** 16 random bytes per attempt, hex. Bound by the encryption and named by the blobs' reverse rows. */
  partId: string;
  /** Bytes of plaintext. */
  size: number;
  /** Where the ciphertext lies: in a sibling row of `meta`, or in runs of `blob`. */
  inline?: true;
  runs?: Run[];
  /** Bytes of each blob value but the last; present with `runs`. */
  valueBytes?: number;
  /** Bytes of plaintext in each encrypted chunk but the last. */
  chunkBytes: number;
}

export interface StoredChecksum {
  /** `CRC32`, `SHA256` …, as in the API model's ChecksumAlgorithm. */
  algorithm: string;
  type: 'FULL_OBJECT' | 'COMPOSITE';
  /** Base64 as on the wire (with `-N` where composite), or, for SSE-C and SSE-KMS, sealed under the object's data key. */
  value?: string;
  sealed?: string;
  /** Of a multipart upload that named no algorithm: its parts' checksums are told nobody. */
  default?: true;
}

/** A part as the object that was completed from it knows it. */
export interface ManifestPart extends BodyPart {
  partNumber: number;
  etag: string;
  /** Value of the part's own checksum, plain or sealed as StoredChecksum's. */
  checksum?: { value?: string; sealed?: string };
}

/** The sequence of parts in pages of at most 500 (`manifestPageKey`); bound by the digest in the object's own record. */
export interface Manifest {
  pages: number;
  parts: number;
  /** SHA-256 over the pages' plaintext in order, base64. */
  digest: string;
  /** Offset of each page's first byte in the object, and the number of its first part. */
  index: { offset: number; firstPart: number }[];
}

/**
 * How a data key is wrapped; its members belong to `encryption/wrapped-key.ts`. `keyMaterialId` is what the index of key impact is
 * kept by.
 */
export type WrappedKey = { mode: string; keyMaterialId?: string };

export interface ObjectRecord {
  /** 16 random bytes per version, hex. */
  objectId: string;
  /** `null` for versions made while versioning was off or suspended. */
  versionId: string;
  /** Order of the versions of one key. */
  sequence: number;
  /** In the current version's record only: the sequence of the null version where that isn't the current one. */
  nullSequence?: number;
  lastModifiedMs: number;
  /** Empty where nobody signed the upload. */
  ownerAccountId: string;
  deleteMarker?: true;
  replication?: VersionReplication;
  /** Everything below is absent from delete markers. */
  content?: ObjectContent;
}

/** How far the replication of a version is, or that it is a replica itself. Absent: no rule wanted it. */
export interface VersionReplication {
  status: 'PENDING' | 'COMPLETED' | 'FAILED' | 'REPLICA';
  /** By the destination bucket's ARN: the id there, where it is another one. */
  versionIds?: Readonly<Record<string, string>>;
}

/** What a destination is told about a replica besides its content. */
export interface ReplicaOrigin {
  versionId: string;
  lastModifiedMs: number;
}

export interface ObjectContent {
  /** Bytes of plaintext. */
  size: number;
  /** Without quotes. */
  etag: string;
  storageClass: string;
  system: SystemMetadata;
  /** Lower-case names without `x-amz-meta-`. */
  metadata: Record<string, string>;
  tags?: [key: string, value: string][];
  /** Absent: the owner has FULL_CONTROL and nobody else anything. */
  acl?: Grant[];
  lock?: VersionLock;
  /** RestoreObject: until when an archived version can be read. */
  restoredUntilMs?: number;
  checksum?: StoredChecksum;
  encryption: WrappedKey;
  body: BodyPart | { manifest: Manifest };
  /** The upload this version was completed from: makes CompleteMultipartUpload repeatable. */
  uploadId?: string;
  /** Of that upload, as it had them. */
  createdWith?: Record<string, string>;
}

export interface UploadRecord {
  uploadId: string;
  key: string;
  /** The id that the completed version will have. */
  objectId: string;
  initiatedMs: number;
  ownerAccountId: string;
  initiatorArn: string;
  initiatorName: string;
  storageClass: string;
  system: SystemMetadata;
  metadata: Record<string, string>;
  tags?: [key: string, value: string][];
  /** Of the version to be. */
  acl?: Grant[];
  /** What the request named; the bucket's default retention is added when the version is made. */
  lock?: VersionLock;
  /** Asked for at CreateMultipartUpload; `default` where Coffer chose. */
  checksum: { algorithm: string; type: 'FULL_OBJECT' | 'COMPOSITE'; default?: true };
  encryption: WrappedKey;
  /** Present where the version is to be a replica. */
  replica?: ReplicaOrigin;
  /** Headers of CreateMultipartUpload that policies ask for, as they were sent: they decide over the parts and the end, too. */
  createdWith?: Record<string, string>;
  /** The object that the key named when the upload began: a conditional completion fails where that changed meanwhile. */
  replacesObjectId?: string;
}

export interface PartRecord extends ManifestPart {
  lastModifiedMs: number;
}

/** Written before the first blob of a body; deleted in the commit that makes the body reachable. */
export interface IntentRecord {
  partId: string;
  /** No blob of the body has a smaller number. */
  mark: number;
}

/** A version that is still to be replicated. */
export interface ReplicationTask {
  bucket: string;
  versionId: string;
  objectId: string;
  /** What is left: the version itself, or its tags and lock, which changed after it had been replicated. */
  todo: readonly { ruleId: string; bucketArn: string; what: 'version' | 'changes' }[];
  /** Destinations that are given up. */
  failures: readonly ReplicationFault[];
  /** As VersionReplication's, of destinations that are served. */
  versionIds?: Readonly<Record<string, string>>;
  queuedMs: number;
  attempts: number;
  /** Not before. */
  dueMs: number;
}

export interface ReplicationFault {
  bucketArn: string;
  /** One of AWS's replication failure reasons, or one of Coffer's own. */
  reason: string;
  /** What the destination or a layer below said; never a secret. */
  detail: string;
}

/** A version that couldn't be replicated. */
export interface ReplicationFailure {
  bucket: string;
  versionId: string;
  failures: readonly ReplicationFault[];
  failedMs: number;
}

/** Where the lifecycle job stands. A run is named by the midnight (UTC, or multiple of a shortened day) from which it was due. */
export interface LifecycleProgress {
  /** The run that came to its end last. */
  doneMs?: number;
  /** The run that is under way, and how far it came. */
  running?: { dueMs: number; at: LifecyclePosition };
}

export interface LifecyclePosition {
  /** Name of the bucket; buckets are visited in byte order. */
  bucket: string;
  bucketId: string;
  /** The last row of the bucket that is done, base64: a `c` row, or behind all of those a `u` row. */
  row: string;
}

/** What nothing refers to any more: the sweeper's work. */
export interface DeadRecord {
  /** Bodies whose blobs or inline rows are to go. `objectId` names the inline rows. */
  bodies?: { objectId: string; parts: BodyPart[] };
  /** A whole multipart object: its manifest's pages name the bodies. */
  manifest?: { objectId: string; pages: number };
  /** Part rows of an upload: with the bodies they name (aborted), or without (completed). */
  partRows?: { uploadId: string; objectId: string; withBodies: boolean };
}

export const BUCKET: Shape<BucketRecord> = { type: 'bucket', version: 1 };
export const BUCKET_POLICY: Shape<BucketPolicyRecord> = { type: 'bucket-policy', version: 1 };
export const BUCKET_CONFIG: Shape<BucketConfigPage> = { type: 'bucket-config', version: 1 };
export const RENAME_TOKEN: Shape<RenameToken> = { type: 'rename-token', version: 1 };
export const OBJECT: Shape<ObjectRecord> = { type: 'object', version: 1 };
export const UPLOAD: Shape<UploadRecord> = { type: 'upload', version: 1 };
export const PART: Shape<PartRecord> = { type: 'part', version: 1 };
export const MANIFEST_PAGE: Shape<ManifestPart[]> = { type: 'manifest-page', version: 1 };
export const INTENT: Shape<IntentRecord> = { type: 'intent', version: 1 };
export const REPLICATION_TASK: Shape<ReplicationTask> = { type: 'replication-task', version: 1 };
export const REPLICATION_FAILURE: Shape<ReplicationFailure> = { type: 'replication-failure', version: 1 };
export const LIFECYCLE_PROGRESS: Shape<LifecycleProgress> = { type: 'lifecycle-progress', version: 1 };
export const DEAD: Shape<DeadRecord> = { type: 'dead', version: 1 };
