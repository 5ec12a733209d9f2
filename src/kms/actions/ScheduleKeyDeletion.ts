import { keyAction } from '../action.js';
import { isPrimary } from '../key-record.js';
import { HOME, placeOf } from '../place.js';

export const scheduleKeyDeletion = keyAction({
  name: 'ScheduleKeyDeletion',
  input: (input) => ({ days: input.integer('PendingWindowInDays', { min: 7, max: 30 }) ?? 30 }),
  needs: ({ days }) => ({ keys: { 'kms:schedulekeydeletionpendingwindowindays': String(days) } }),
  states: 'not pending deletion',
  async handle({ days }, record, call) {
    const { keys } = call;
    const deletionMs = keys.clock.now() + days * keys.dayMs;
    // What breaks: counted before, so that whoever reads the record later knows what was at stake.
    // Objects are under the keys of COFFER_REGION alone.
    const lost =
      placeOf(record) !== HOME ? undefined : await keys.parts.impact?.of(record.backingKeys.map((one) => one.id));
    call.note({
      details: { PendingWindowInDays: days, ...(lost && { ObjectsUnderKey: lost.objects, BytesUnderKey: lost.bytes }) },
    });
    const { state } = await call.changeKey(record, 'not pending deletion', (found) =>
      // A primary waits for its replicas: its own waiting period begins when the last of them is gone.
      isPrimary(found) && found.multiRegion && found.multiRegion.replicas.length > 0
        ? { ...found, state: 'PendingReplicaDeletion', deletionDays: days }
        : { ...found, state: 'PendingDeletion', deletionMs },
    );
    return {
      KeyId: keys.arn(record),
      ...(state === 'PendingDeletion' && { DeletionDate: deletionMs / 1000 }),
      KeyState: state,
      PendingWindowInDays: days,
    };
  },
});
