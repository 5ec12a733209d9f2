import { keyAction } from '../action.js';
import { Call } from '../call.js';
import { noSuchKey } from '../errors.js';
import { KEY_REGION } from '../fields.js';
import { withPrimary } from '../multi-region.js';
import { requireServed } from '../regions.js';
import { requireMultiRegionPrimary } from '../rotation.js';
import { requireState } from '../states.js';

export const updatePrimaryRegion = keyAction({
  name: 'UpdatePrimaryRegion',
  input: (input) => ({ region: input.requiredText('PrimaryRegion', KEY_REGION) }),
  needs: ({ region }) => ({ keys: { 'kms:primaryregion': region } }),
  states: 'usable',
  check: (record, arn) => requireMultiRegionPrimary(record, arn),
  async handle({ region }, record, call) {
    const { keys, who } = call;
    const there = requireServed(keys, region);
    const { place } = there.ring;
    // Both keys have to allow it, each in its region.
    const asking = new Call('UpdatePrimaryRegion', who, there);
    const replica = await asking.find({ accountId: record.accountId, keyId: record.keyId });
    await asking.authorize(replica, { keys: { 'kms:primaryregion': region } });
    requireState('usable', there.stateOf(replica), there.arn(replica));
    call.note({ details: { PrimaryRegion: region } });
    if (place === keys.ring.place) return {};
    await keys.ring.update(
      record,
      call.committing,
      (found) => {
        call.requireStill(found, 'usable');
        requireMultiRegionPrimary(found, keys.arn(found));
        if (!found.multiRegion!.replicas.includes(place)) throw noSuchKey(there.arn(found));
        return withPrimary(found, place);
      },
      async () => {
        // The commit checks that it stays as it is read here.
        const stored = await there.ring.read(record.accountId, record.keyId);
        if (!stored) throw noSuchKey(there.arn(record));
        asking.requireStill(stored.record, 'usable');
      },
    );
    await asking.succeeded();
    return {};
  },
});
