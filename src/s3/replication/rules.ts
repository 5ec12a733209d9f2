import { AWS, partitionOf, partitionOfArn } from '../../base/partition.js';
import type { ConfigKind } from '../../store/bucket-configs.js';
import type { Tag } from '../fields/tagging.js';

/** A bucket's replication configuration, as PutBucketReplication put it. */
export interface Replication {
  /** ARN of the role that reads here and writes there. */
  role: string;
  rules: readonly ReplicationRule[];
}

export interface ReplicationRule {
  id: string;
  enabled: boolean;
  /** Absent in the older form, in which a rule has `prefix` instead of `filter`. */
  priority?: number;
  prefix?: string;
  filter?: ReplicationFilter;
  /** `DeleteMarkerReplication`; the older form replicates delete markers without it. */
  deleteMarkers?: boolean;
  /** `SourceSelectionCriteria`, where each was sent. */
  sseKms?: boolean;
  replicaModifications?: boolean;
  /** `ExistingObjectReplication`, where it was sent. */
  existingObjects?: boolean;
  destination: ReplicationDestination;
}

export interface ReplicationFilter {
  prefix?: string;
  tags?: readonly Tag[];
  /** It was sent as `And`. */
  and?: true;
}

export interface ReplicationDestination {
  /** `arn:aws:s3:::bucket`. */
  bucketArn: string;
  /** Of the destination bucket's owner. */
  account?: string;
  storageClass?: string;
  /** `AccessControlTranslation`: the replica belongs to the destination bucket's owner. */
  ownerOverride?: true;
  /** `EncryptionConfiguration`. */
  replicaKmsKeyId?: string;
  /** `UseSourceMultiRegionKey`: the replica is under the key that is related to the source's in the destination's region. */
  useSourceMultiRegionKey?: boolean;
  /** Kept and given back: Coffer promises no time. */
  replicationTime?: { enabled: boolean; minutes: number };
  metrics?: { enabled: boolean; minutes?: number };
}

export const REPLICATION: ConfigKind<Replication> = { name: 'replication' };

/** Nothing goes from one partition to another. */
export function isHere(arn: string, { region }: { region: string }): boolean {
  const partition = partitionOfArn(arn);
  return partition === AWS || partition === partitionOf(region);
}

/** `arn:aws:s3:::bucket` → `bucket`. */
export const bucketOfArn = (arn: string): string => arn.slice(arn.lastIndexOf(':') + 1);
