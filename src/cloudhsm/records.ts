import { utf8 } from '../base/bytes.js';
import { TAG } from '../store/keys.js';
import type { Shape } from '../store/table.js';

/** What Coffer drew itself, and what the customer replaces. It opens a token in which nothing of the customer's lies yet. */
export interface InitialPins {
  /** Until `coffer hsm activate`. */
  soPin?: string;
  /** Until `coffer hsm user create`. */
  userPin?: string;
}

/** One member. */
export interface HsmRecord {
  hsmId: string;
  createdMs: number;
  availabilityZone: string;
  subnetId: string;
  eniId: string;
  eniIp: string;
  state: 'CREATE_IN_PROGRESS' | 'ACTIVE' | 'DELETE_IN_PROGRESS';
  stateMessage?: string;
  /** CKA_LABEL of its token: a copy of another member's has that one's. */
  label: string;
  /** The slot of the library, where tokens aren't made in folders. */
  slot?: number;
  /** Somebody else initialized its token: it is found by its slot, and keeps its label. */
  initialized?: true;
  /** Of the key pair in its token: SPKI, base64. */
  publicKey?: string;
  initial?: InitialPins;
}

export interface ClusterRecord {
  clusterId: string;
  accountId: string;
  createdMs: number;
  state: 'UNINITIALIZED' | 'INITIALIZED' | 'ACTIVE' | 'DELETE_IN_PROGRESS';
  hsmType: string;
  mode: 'FIPS' | 'NON_FIPS';
  networkType: 'IPV4' | 'DUALSTACK';
  subnetIds: string[];
  vpcId: string;
  securityGroup: string;
  backupRetentionDays: number;
  sourceBackupId?: string;
  /** The account of that backup. */
  sourceAccountId?: string;
  /** The crypto user of its tokens: a token has one. */
  userName?: string;
  hsms: HsmRecord[];
  lastBackupMs?: number;
}

/** PEM. */
export interface CertificatesRecord {
  clusterCsr?: string;
  hsmCertificate?: string;
  awsHardwareCertificate?: string;
  manufacturerHardwareCertificate?: string;
  clusterCertificate?: string;
  trustAnchor?: string;
}

export interface BackupRecord {
  backupId: string;
  accountId: string;
  clusterId: string;
  createdMs: number;
  state: 'CREATE_IN_PROGRESS' | 'READY' | 'PENDING_DELETION';
  neverExpires: boolean;
  /** When it goes, of one that is to be deleted. */
  deleteMs?: number;
  hsmType: string;
  mode: 'FIPS' | 'NON_FIPS';
  /** Its retention, as the cluster had it. */
  retentionDays: number;
  /** What a cluster that is made of it is. */
  clusterState: 'INITIALIZED' | 'ACTIVE';
  userName?: string;
  /** Of the member that it was made of. */
  label: string;
  publicKey: string;
  initial?: InitialPins;
}

export type TagPair = [key: string, value: string];

export const CLUSTER: Shape<ClusterRecord> = { type: 'cloudhsm-cluster', version: 1 };
export const CERTIFICATES: Shape<CertificatesRecord> = { type: 'cloudhsm-certificates', version: 1 };
export const BACKUP: Shape<BackupRecord> = { type: 'cloudhsm-backup', version: 1 };
export const TAGS: Shape<TagPair[]> = { type: 'cloudhsm-tags', version: 1 };
export const RESOURCE_POLICY: Shape<string> = { type: 'cloudhsm-policy', version: 1 };

const prefix = (letter: string): Buffer => Buffer.concat([TAG.cloudhsm, utf8(`${letter}/`)]);

export const ALL_CLUSTERS = prefix('c');
export const ALL_CERTIFICATES = prefix('z');
export const ALL_BACKUPS = prefix('b');
export const ALL_TAGS = prefix('t');
export const ALL_POLICIES = prefix('p');
/** Keys that were deleted while a member was away: it must not bring them back. */
export const ALL_DELETED_KEYS = prefix('d');

const row = (all: Buffer, accountId: string, id: string): Buffer => Buffer.concat([all, utf8(`${accountId}/${id}`)]);

export const clusterRow = (accountId: string, clusterId: string): Buffer => row(ALL_CLUSTERS, accountId, clusterId);
/** `id`: of a cluster, or of a backup. */
export const certificatesRow = (accountId: string, id: string): Buffer => row(ALL_CERTIFICATES, accountId, id);
export const backupRow = (accountId: string, backupId: string): Buffer => row(ALL_BACKUPS, accountId, backupId);
export const tagsRow = (accountId: string, id: string): Buffer => row(ALL_TAGS, accountId, id);
export const policyRow = (accountId: string, id: string): Buffer => row(ALL_POLICIES, accountId, id);
export const clustersOf = (accountId: string): Buffer => row(ALL_CLUSTERS, accountId, '');
export const backupsOf = (accountId: string): Buffer => row(ALL_BACKUPS, accountId, '');
export const deletedKeysOf = (clusterId: string): Buffer => Buffer.concat([ALL_DELETED_KEYS, utf8(`${clusterId}/`)]);
export const deletedKeyRow = (clusterId: string, reference: string): Buffer =>
  Buffer.concat([deletedKeysOf(clusterId), utf8(reference)]);
/** What such a row says. */
export const deletedKeyOf = (rowKey: Buffer): string => rowKey.toString('utf8', rowKey.lastIndexOf('/') + 1);
