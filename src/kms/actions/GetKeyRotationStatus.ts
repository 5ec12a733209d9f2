import { keyAction } from '../action.js';
import { requireRotatable } from '../rotation.js';

export const getKeyRotationStatus = keyAction({
  name: 'GetKeyRotationStatus',
  input: () => undefined,
  needs: () => ({}),
  states: 'any',
  check: requireRotatable,
  otherAccounts: true,
  handle(_, record, { keys }) {
    const { rotation } = record;
    // While a key waits for its deletion it isn't rotated.
    const enabled = rotation !== undefined && record.state !== 'PendingDeletion';
    return {
      KeyId: keys.arn(record),
      KeyRotationEnabled: enabled,
      ...(enabled && { RotationPeriodInDays: rotation.periodDays, NextRotationDate: rotation.nextMs / 1000 }),
    };
  },
});
