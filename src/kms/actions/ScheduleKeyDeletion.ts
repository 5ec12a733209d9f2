import { keyAction } from '../action.js';

export const scheduleKeyDeletion = keyAction({
  name: 'ScheduleKeyDeletion',
  input: (input) => ({ days: input.integer('PendingWindowInDays', { min: 7, max: 30 }) ?? 30 }),
  needs: ({ days }) => ({ keys: { 'kms:schedulekeydeletionpendingwindowindays': String(days) } }),
  states: 'not pending deletion',
  async handle({ days }, record, call) {
    const { keys } = call;
    const deletionMs = keys.clock.now() + days * keys.dayMs;
    // What breaks: counted before, so that whoever reads the record later knows what was at stake.
    const lost = await keys.parts.impact?.of(record.backingKeys.map((one) => one.id));
    call.note({
      details: { PendingWindowInDays: days, ...(lost && { ObjectsUnderKey: lost.objects, BytesUnderKey: lost.bytes }) },
    });
    await call.changeKey(record, 'not pending deletion', (found) => ({
      ...found,
      state: 'PendingDeletion',
      deletionMs,
    }));
    return {
      KeyId: keys.arn(record),
      DeletionDate: deletionMs / 1000,
      KeyState: 'PendingDeletion',
      PendingWindowInDays: days,
    };
  },
});
