import { hsmAction } from '../action.js';
import { pageOf, readFilters, readPage } from '../paging.js';
import type { ClusterRecord } from '../records.js';
import { clusterView } from '../views.js';

/** https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_DescribeClusters.html */
export const describeClusters = hsmAction({
  name: 'DescribeClusters',
  input: (fields) => ({
    filters: readFilters(fields, ['clusterIds', 'vpcIds', 'states']),
    page: readPage(fields, 25),
  }),
  async run({ filters, page }, call) {
    call.authorize();
    const found: ClusterRecord[] = [];
    const wanted = (name: 'clusterIds' | 'vpcIds' | 'states', value: string): boolean =>
      filters.get(name)?.includes(value) ?? true;
    for await (const { record } of call.parts.book.clustersOf(call.accountId)) {
      const { clusterId, vpcId, state } = record;
      if (wanted('clusterIds', clusterId) && wanted('vpcIds', vpcId) && wanted('states', state)) found.push(record);
    }
    const { shown, ...next } = pageOf(found, page, ({ clusterId }) => clusterId);
    return { Clusters: await Promise.all(shown.map((one) => clusterView(one, call))), ...next };
  },
});
