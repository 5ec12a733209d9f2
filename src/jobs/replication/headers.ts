import type { WrappedDataKey } from '../../encryption/wrapped-key.js';
import { systemMetadataHeaders, userMetadataHeaders } from '../../s3/fields/metadata.js';
import { encodeReplica, REPLICA_HEADER, type ReplicaHeader } from '../../s3/replication/replica-header.js';
import type { ReplicationRule } from '../../s3/replication/rules.js';
import type { ObjectContent, ObjectRecord, VersionLock } from '../../store/records.js';
import { sequenceOf } from '../../store/version-id.js';
import { ReplicationFault } from './fault.js';

export type Headers = Record<string, string | undefined>;

/** A retention that ends sooner than this is over when the replica arrives. */
const LOCK_MARGIN_MS = 60_000;

/** Of a request that makes or changes a replica. */
export function replicaHeader(
  record: ObjectRecord,
  rule: ReplicationRule,
  acl: ObjectContent['acl'],
  more: Pick<ReplicaHeader, 'changes'> = {},
): Headers {
  const { ownerOverride, account } = rule.destination;
  const replica: ReplicaHeader = {
    versionId: replicaVersionId(record),
    lastModifiedMs: record.lastModifiedMs,
    ownerAccountId: record.ownerAccountId,
    ...(acl && !ownerOverride && { acl }),
    ...(ownerOverride && { ownerOverride }),
    ...more,
  };
  // A bucket that has become somebody else's gets nothing.
  return { [REPLICA_HEADER]: encodeReplica(replica), 'x-amz-expected-bucket-owner': account };
}

/** Its own; of a version that was made without versioning, one that is made of its object id, the same each time. */
export function replicaVersionId({ versionId, sequence, objectId }: ObjectRecord): string {
  if (sequenceOf(versionId) !== undefined) return versionId;
  const bytes = Buffer.alloc(24);
  bytes.writeUIntBE(sequence, 0, 6);
  Buffer.from(objectId, 'hex').copy(bytes, 6);
  bytes.write('C1', 22, 'latin1');
  return bytes.toString('base64').replaceAll('+', '.').replaceAll('/', '_');
}

/** What PutObject and CreateMultipartUpload are told of the content. `region`: the destination's. */
export function contentHeaders(content: ObjectContent, rule: ReplicationRule, region: string): Headers {
  return {
    ...systemMetadataHeaders(content.system),
    ...userMetadataHeaders(content.metadata),
    'x-amz-storage-class': rule.destination.storageClass ?? content.storageClass,
    ...encryption(content, rule, region),
  };
}

export function tagHeaders(tags: ObjectContent['tags']): Headers {
  if (!tags?.length) return {};
  const pairs = tags.map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`);
  return { 'x-amz-tagging': pairs.join('&') };
}

export function lockHeaders(lock: VersionLock | undefined, nowMs: number): Headers {
  const retention = lock?.retention && lock.retention.untilMs > nowMs + LOCK_MARGIN_MS ? lock.retention : undefined;
  return {
    ...(retention && {
      'x-amz-object-lock-mode': retention.mode,
      'x-amz-object-lock-retain-until-date': new Date(retention.untilMs).toISOString(),
    }),
    ...(lock?.legalHold && { 'x-amz-object-lock-legal-hold': lock.legalHold }),
  };
}

/** A replica is encrypted in the same way, under the rule's key where a KMS's is asked for. */
function encryption(
  { encryption: wrapped }: ObjectContent,
  { destination, sseKms }: ReplicationRule,
  region: string,
): Headers {
  const wrap = wrapped as WrappedDataKey;
  if (wrap.mode === 'SSE-S3') return { 'x-amz-server-side-encryption': 'AES256' };
  const { replicaKmsKeyId, useSourceMultiRegionKey } = destination;
  if (wrap.mode === 'SSE-C' || !sseKms || !(replicaKmsKeyId !== undefined || useSourceMultiRegionKey)) {
    throw new ReplicationFault('SrcObjectNotEligible', `the rule doesn't select what lies under ${wrap.mode}`);
  }
  const context = Object.keys(wrap.context).length > 0;
  return {
    'x-amz-server-side-encryption': wrap.mode === 'SSE-KMS' ? 'aws:kms' : 'aws:kms:dsse',
    'x-amz-server-side-encryption-aws-kms-key-id': useSourceMultiRegionKey
      ? relatedKey(wrap.keyArn, region)
      : replicaKmsKeyId,
    'x-amz-server-side-encryption-context': context
      ? Buffer.from(JSON.stringify(wrap.context)).toString('base64')
      : undefined,
  };
}

const MULTI_REGION_KEY = /^(arn:[^:]+:kms:)[^:]+(:\d{12}:key\/mrk-[0-9a-f]{32})$/;

/** The key that is related to a multi-Region key in another region: its id is the same. */
function relatedKey(keyArn: string, region: string): string {
  const parts = MULTI_REGION_KEY.exec(keyArn);
  if (!parts) throw new ReplicationFault('SrcObjectNotEligible', `${keyArn} is no multi-Region key`);
  return `${parts[1]}${region}${parts[2]}`;
}
