import { randomInt } from 'node:crypto';
import { hsmAction } from '../action.js';
import { noCluster } from '../call.js';
import { invalid } from '../errors.js';
import type { HsmSlot } from '../hsm-file.js';
import { idPattern, newId, newNetworkId } from '../ids.js';
import type { HsmParts } from '../ports.js';
import type { ClusterRecord, HsmRecord } from '../records.js';
import { hsmView, subnetMapping } from '../views.js';

const ZONE = /[a-z]{2}(-(gov))?-(east|west|north|south|central){1,2}-\d[a-z]/;
/** https://docs.aws.amazon.com/cloudhsm/latest/userguide/limits.html */
const HSMS_MAX = 28;

/** https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_CreateHsm.html */
export const createHsm = hsmAction({
  name: 'CreateHsm',
  input: (fields) => ({
    clusterId: fields.requiredText('ClusterId', { pattern: idPattern('cluster') }),
    zone: fields.requiredText('AvailabilityZone', { pattern: ZONE }),
    ipAddress: fields.text('IpAddress', { pattern: /\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}/ }),
  }),
  async run({ clusterId, zone, ipAddress }, call) {
    const { book, clock, places, region, steward, turns } = call.parts;
    const { subnetIds } = await call.cluster(clusterId);
    const subnetId = subnetMapping(region, subnetIds)[zone];
    if (subnetId === undefined) throw invalid(`The cluster has no subnet in ${zone}.`);
    const hsmId = newId('hsm');
    call.event.note({ details: { HsmId: hsmId, AvailabilityZone: zone } });
    const made = (slot: HsmSlot | undefined): HsmRecord => ({
      hsmId,
      createdMs: clock.now(),
      availabilityZone: zone,
      subnetId,
      eniId: newNetworkId('eni'),
      eniIp: ipAddress ?? `10.0.${randomInt(256)}.${randomInt(1, 255)}`,
      state: 'CREATE_IN_PROGRESS',
      label: hsmId,
      ...(slot && { slot: slot.slot, ...(slot.pinFiles && { initialized: true }) }),
    });
    const add = (hsm: HsmRecord): Promise<ClusterRecord | undefined> =>
      book.changeCluster(
        call.accountId,
        clusterId,
        (found) => {
          if (found.hsms.length >= HSMS_MAX) throw invalid(`A cluster has at most ${HSMS_MAX} HSMs.`);
          if (found.state === 'UNINITIALIZED' && found.hsms.length > 0) {
            throw invalid('The cluster is UNINITIALIZED: initialize it before another HSM is created.');
          }
          return { ...found, hsms: [...found.hsms, hsm] };
        },
        call.committing,
      );
    const changed = places.inFolders
      ? await add(made(undefined))
      : // Slots are no cluster's own: two that are asked for at once are two.
        await turns.take('slots', async () => add(made(await freeSlot(call.parts))));
    if (!changed) throw noCluster(clusterId);
    steward.kick(call.accountId, clusterId);
    return { Hsm: hsmView(changed, changed.hsms.find((one) => one.hsmId === hsmId)!, undefined) };
  },
});

/** One that no cluster's member has. @throws CloudHsmInvalidRequestException */
async function freeSlot({ book, file }: HsmParts): Promise<HsmSlot> {
  const taken = new Set<number | undefined>();
  for await (const { record } of book.clustersOf()) for (const { slot } of record.hsms) taken.add(slot);
  const free = file.slots.find(({ slot }) => !taken.has(slot));
  if (!free) throw invalid('COFFER_HSM_FILE names no slot that is free.');
  return free;
}
