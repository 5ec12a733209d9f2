import { hsmAction } from '../action.js';
import { noCluster } from '../call.js';
import { invalid } from '../errors.js';
import { idPattern } from '../ids.js';
import { clusterView } from '../views.js';
import { HSM_TYPE, readRetention } from './CreateCluster.js';

/** https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_ModifyCluster.html */
export const modifyCluster = hsmAction({
  name: 'ModifyCluster',
  input: (fields) => ({
    clusterId: fields.requiredText('ClusterId', { pattern: idPattern('cluster') }),
    hsmType: fields.text('HsmType', HSM_TYPE),
    retentionDays: readRetention(fields),
  }),
  async run({ clusterId, hsmType, retentionDays }, call) {
    const cluster = await call.cluster(clusterId);
    if (hsmType !== undefined && hsmType !== cluster.hsmType) {
      throw invalid('Changing the HsmType is not supported by this version of Coffer.');
    }
    if (retentionDays === undefined && hsmType === undefined) throw invalid('Nothing is to be modified.');
    if (retentionDays !== undefined) call.event.note({ details: { BackupRetentionDays: retentionDays } });
    const changed = await call.parts.book.changeCluster(
      call.accountId,
      clusterId,
      (found) => (retentionDays === undefined ? undefined : { ...found, backupRetentionDays: retentionDays }),
      call.committing,
    );
    if (!changed) throw noCluster(clusterId);
    return { Cluster: await clusterView(changed, call) };
  },
});
