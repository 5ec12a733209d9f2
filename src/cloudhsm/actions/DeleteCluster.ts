import { hsmAction } from '../action.js';
import { invalid } from '../errors.js';
import { idPattern } from '../ids.js';
import { clusterView } from '../views.js';

/** https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_DeleteCluster.html */
export const deleteCluster = hsmAction({
  name: 'DeleteCluster',
  input: (fields) => ({ clusterId: fields.requiredText('ClusterId', { pattern: idPattern('cluster') }) }),
  async run({ clusterId }, call) {
    const { book } = call.parts;
    const cluster = await call.cluster(clusterId);
    const view = await clusterView(cluster, call);
    if (!(await book.removeCluster(cluster, ({ hsms }) => hsms.length === 0, call.committing))) {
      throw invalid(`The cluster ${clusterId} has HSMs: delete them first.`);
    }
    return { Cluster: { ...view, State: 'DELETE_IN_PROGRESS' } };
  },
});
