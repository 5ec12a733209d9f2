import { keyAction } from '../action.js';

export const getKeyLastUsage = keyAction({
  name: 'GetKeyLastUsage',
  input: () => undefined,
  needs: () => ({}),
  states: 'any',
  async handle(_, record, { keys }) {
    const last = await keys.parts.audit.lastUse(keys.ring.at(record.accountId), record.keyId);
    return {
      KeyId: record.keyId,
      KeyLastUsage: last
        ? {
            Operation: last.operation,
            Timestamp: last.timeMs / 1000,
            CloudTrailEventId: last.eventId,
            KmsRequestId: last.requestId,
          }
        : {},
      // Every use of a key is followed from its creation on.
      TrackingStartDate: record.createdMs / 1000,
      KeyCreationDate: record.createdMs / 1000,
    };
  },
});
