import { action } from '../action.js';
import { pendingDeletion } from '../errors.js';

export const scheduleKeyDeletion = action({
  name: 'ScheduleKeyDeletion',
  input: (input) => ({
    keyId: input.requiredText('KeyId', { min: 1, max: 2048 }),
    days: input.integer('PendingWindowInDays', { min: 7, max: 30 }) ?? 30,
  }),
  async handle({ keyId, days }, who, keys) {
    const found = await keys.require(who, 'kms:ScheduleKeyDeletion', keyId);
    keys.requireCustomerManaged(found, 'kms:ScheduleKeyDeletion');
    const deletionMs = keys.clock.now() + days * keys.dayMs;
    await keys.ring.update(found.accountId, found.keyId, (record) => {
      if (record.state === 'PendingDeletion') throw pendingDeletion(keys.arn(record));
      return { ...record, state: 'PendingDeletion', deletionMs };
    });
    return {
      KeyId: keys.arn(found),
      DeletionDate: deletionMs / 1000,
      KeyState: 'PendingDeletion',
      PendingWindowInDays: days,
    };
  },
});
