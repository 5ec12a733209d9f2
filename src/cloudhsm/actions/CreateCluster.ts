import { CommitBuilder } from '../../store/table.js';
import { hsmAction } from '../action.js';
import { invalid } from '../errors.js';
import type { Fields } from '../fields.js';
import { BACKUP_ARN, newId, newNetworkId } from '../ids.js';
import { type ClusterRecord, clusterRow, tagsRow } from '../records.js';
import { readTags } from '../tags.js';
import { clusterView } from '../views.js';

const SUBNET = /subnet-[0-9a-fA-F]{8,17}/;
export const HSM_TYPE = { max: 32, pattern: /((p|)hsm[0-9][a-z.]*\.[a-zA-Z]+)/ };
/** https://docs.aws.amazon.com/cloudhsm/latest/userguide/manage-backup-retention.html */
const RETENTION_DAYS = { default: 90, min: 7, max: 379 };
/** Clusters of one account: AWS's is 4, and can be raised. */
const CLUSTERS_MAX = 100;

/** BackupRetentionPolicy, in days. */
export function readRetention(fields: Fields): number | undefined {
  const policy = fields.structure('BackupRetentionPolicy');
  if (!policy) return undefined;
  const type = policy.oneOf('Type', ['DAYS']);
  const days = Number(policy.requiredText('Value', { min: 1, max: 3, pattern: /[0-9]+/ }));
  policy.requireAllRead();
  const { min, max } = RETENTION_DAYS;
  if (type === undefined || days < min || days > max) {
    throw invalid(`BackupRetentionPolicy: Type is DAYS, Value from ${min} to ${max}.`);
  }
  return days;
}

/** https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_CreateCluster.html */
export const createCluster = hsmAction({
  name: 'CreateCluster',
  input: (fields) => ({
    hsmType: fields.requiredText('HsmType', HSM_TYPE),
    subnetIds: fields.requiredTexts('SubnetIds', { pattern: SUBNET }, 1, 10),
    sourceBackupId: fields.text('SourceBackupId', { pattern: BACKUP_ARN }),
    retentionDays: readRetention(fields),
    networkType: fields.oneOf('NetworkType', ['IPV4', 'DUALSTACK']),
    mode: fields.oneOf('Mode', ['FIPS', 'NON_FIPS']),
    tags: readTags(fields.list('TagList', 1, 50)),
  }),
  async run({ hsmType, subnetIds, sourceBackupId, retentionDays, networkType = 'IPV4', mode, tags }, call) {
    const { book, clock, places } = call.parts;
    const { accountId } = call;
    call.authorize({ tags });
    if (tags.length > 0) call.authorize({ tags }, 'TagResource');
    const backup = sourceBackupId === undefined ? undefined : await call.backup(sourceBackupId, { tags });
    if (backup && backup.state !== 'READY') throw invalid(`Backup ${backup.backupId} is ${backup.state}.`);
    if (backup && !places.inFolders) throw invalid('Members in slots can not be restored from backups.');
    if (networkType === 'DUALSTACK') throw invalid('NetworkType DUALSTACK is not supported by this version of Coffer.');
    if (new Set(subnetIds).size < subnetIds.length) throw invalid('A subnet is given twice.');
    if (hsmType.startsWith('hsm1.') && mode === 'NON_FIPS') throw invalid(`Clusters of ${hsmType} are in mode FIPS.`);
    if (!hsmType.startsWith('hsm1.') && mode === undefined && !backup) throw invalid(`${hsmType} needs a Mode.`);
    if (backup && mode !== undefined && mode !== backup.mode) throw invalid(`The backup is of mode ${backup.mode}.`);
    let clusters = 0;
    for await (const _ of book.clustersOf(accountId)) clusters++;
    if (clusters >= CLUSTERS_MAX) throw invalid(`An account has at most ${CLUSTERS_MAX} clusters.`);
    const record: ClusterRecord = {
      clusterId: newId('cluster'),
      accountId,
      createdMs: clock.now(),
      state: 'UNINITIALIZED',
      hsmType,
      mode: mode ?? backup?.mode ?? 'FIPS',
      networkType,
      subnetIds,
      vpcId: newNetworkId('vpc'),
      securityGroup: newNetworkId('sg'),
      backupRetentionDays: retentionDays ?? 90,
      ...(backup && { sourceBackupId: backup.backupId, sourceAccountId: backup.accountId }),
      hsms: [],
    };
    const row = clusterRow(accountId, record.clusterId);
    const commit = new CommitBuilder().expect(row, undefined).put(book.clusters.put(row, record));
    if (tags.length > 0) commit.put(book.tags.put(tagsRow(accountId, record.clusterId), tags));
    call.event.note({
      resourceArn: call.arn(record.clusterId),
      details: { HsmType: hsmType, ...(backup && { SourceBackupId: backup.backupId }) },
    });
    await call.committing(commit);
    return { Cluster: { ...(await clusterView(record, call)), State: 'CREATE_IN_PROGRESS' } };
  },
});
