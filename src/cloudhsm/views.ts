import type { HsmCall } from './call.js';
import { hsmArn } from './ids.js';
import { type BackupRecord, type ClusterRecord, certificatesRow, type HsmRecord, type TagPair } from './records.js';
import { tagList } from './tags.js';

const LETTERS = 'abcdefghij';
const seconds = (ms: number): number => ms / 1000;

/** Zone by zone, in the order of the subnets: there is no network whose zones could be asked for. */
export const subnetMapping = (region: string, subnetIds: readonly string[]): Record<string, string> =>
  Object.fromEntries(subnetIds.map((id, i) => [`${region}${LETTERS[i]}`, id]));

/** As AWS shows a member. */
export function hsmView(cluster: ClusterRecord, hsm: HsmRecord, trouble: string | undefined) {
  const waits =
    cluster.state === 'ACTIVE' && hsm.state === 'ACTIVE' && hsm.initial?.soPin !== undefined
      ? 'The member is not activated: run `coffer hsm activate` again.'
      : undefined;
  const message = hsm.stateMessage ?? waits ?? trouble;
  return {
    AvailabilityZone: hsm.availabilityZone,
    ClusterId: cluster.clusterId,
    SubnetId: hsm.subnetId,
    EniId: hsm.eniId,
    EniIp: hsm.eniIp,
    HsmId: hsm.hsmId,
    HsmType: cluster.hsmType,
    State: hsm.state === 'ACTIVE' && (waits ?? trouble) !== undefined ? 'DEGRADED' : hsm.state,
    ...(message !== undefined && { StateMessage: message }),
  };
}

export async function clusterView(cluster: ClusterRecord, { parts }: HsmCall) {
  const { accountId, clusterId } = cluster;
  const certificates = (await parts.book.certificates.get(certificatesRow(accountId, clusterId)))?.record;
  const tags = await parts.book.tagsOf(accountId, clusterId);
  return {
    BackupPolicy: 'DEFAULT',
    BackupRetentionPolicy: { Type: 'DAYS', Value: String(cluster.backupRetentionDays) },
    ClusterId: clusterId,
    CreateTimestamp: seconds(cluster.createdMs),
    Hsms: cluster.hsms.map((hsm) => hsmView(cluster, hsm, parts.troubleOf(clusterId, hsm.hsmId))),
    HsmType: cluster.hsmType,
    Mode: cluster.mode,
    NetworkType: cluster.networkType,
    SecurityGroup: cluster.securityGroup,
    ...(cluster.sourceBackupId !== undefined && { SourceBackupId: cluster.sourceBackupId }),
    State: cluster.state,
    SubnetMapping: subnetMapping(parts.region, cluster.subnetIds),
    VpcId: cluster.vpcId,
    Certificates: {
      ...(certificates?.clusterCsr && { ClusterCsr: certificates.clusterCsr }),
      ...(certificates?.hsmCertificate && { HsmCertificate: certificates.hsmCertificate }),
      ...(certificates?.awsHardwareCertificate && { AwsHardwareCertificate: certificates.awsHardwareCertificate }),
      ...(certificates?.manufacturerHardwareCertificate && {
        ManufacturerHardwareCertificate: certificates.manufacturerHardwareCertificate,
      }),
      ...(certificates?.clusterCertificate && { ClusterCertificate: certificates.clusterCertificate }),
    },
    TagList: tagList(tags),
  };
}

export function backupView(backup: BackupRecord, tags: readonly TagPair[], region: string) {
  return {
    BackupId: backup.backupId,
    BackupArn: hsmArn(region, backup.accountId, backup.backupId),
    BackupState: backup.state,
    ClusterId: backup.clusterId,
    CreateTimestamp: seconds(backup.createdMs),
    NeverExpires: backup.neverExpires,
    ...(backup.deleteMs !== undefined && { DeleteTimestamp: seconds(backup.deleteMs) }),
    HsmType: backup.hsmType,
    Mode: backup.mode,
    TagList: tagList(tags),
  };
}
