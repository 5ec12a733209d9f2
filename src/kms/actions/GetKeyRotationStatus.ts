import { keyAction } from '../action.js';
import { isPendingDeletion } from '../states.js';

/** Of every key: what can't rotate isn't rotated, as AWS answers and Terraform asks of each. */
export const getKeyRotationStatus = keyAction({
  name: 'GetKeyRotationStatus',
  input: () => undefined,
  needs: () => ({}),
  states: 'any',
  otherAccounts: true,
  handle(_, record, { keys }) {
    const { rotation } = record;
    // While a key waits for its deletion it isn't rotated.
    const enabled = rotation !== undefined && !isPendingDeletion(record.state);
    return {
      KeyId: keys.arn(record),
      KeyRotationEnabled: enabled,
      ...(enabled && { RotationPeriodInDays: rotation.periodDays, NextRotationDate: rotation.nextMs / 1000 }),
    };
  },
});
