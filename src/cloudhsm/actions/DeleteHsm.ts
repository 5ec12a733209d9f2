import { hsmAction } from '../action.js';
import { noCluster } from '../call.js';
import { invalid, notFound } from '../errors.js';
import { idPattern } from '../ids.js';

/** https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_DeleteHsm.html */
export const deleteHsm = hsmAction({
  name: 'DeleteHsm',
  input: (fields) => ({
    clusterId: fields.requiredText('ClusterId', { pattern: idPattern('cluster') }),
    hsmId: fields.text('HsmId', { pattern: idPattern('hsm') }),
    eniId: fields.text('EniId', { pattern: /eni-[0-9a-fA-F]{8,17}/ }),
    eniIp: fields.text('EniIp', { pattern: /\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}/ }),
  }),
  async run({ clusterId, hsmId, eniId, eniIp }, call) {
    const { book, steward } = call.parts;
    await call.cluster(clusterId);
    if ([hsmId, eniId, eniIp].filter((one) => one !== undefined).length !== 1) {
      throw invalid('Exactly one of HsmId, EniId and EniIp is to be given.');
    }
    let deleted = '';
    const changed = await book.changeCluster(
      call.accountId,
      clusterId,
      (found) => {
        const hsm = found.hsms.find((one) => one.hsmId === hsmId || one.eniId === eniId || one.eniIp === eniIp);
        if (!hsm) throw notFound(`The cluster ${clusterId} has no such HSM.`);
        deleted = hsm.hsmId;
        call.event.note({ details: { HsmId: deleted } });
        return {
          ...found,
          hsms: found.hsms.map((one) => (one === hsm ? { ...one, state: 'DELETE_IN_PROGRESS' } : one)),
        };
      },
      call.committing,
    );
    if (!changed) throw noCluster(clusterId);
    steward.kick(call.accountId, clusterId);
    return { HsmId: deleted };
  },
});
