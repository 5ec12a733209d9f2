import { keyAction } from '../action.js';

export const cancelKeyDeletion = keyAction({
  name: 'CancelKeyDeletion',
  input: () => undefined,
  needs: () => ({}),
  states: 'pending deletion',
  async handle(_, record, call) {
    // As on AWS the key comes back disabled: whoever wants it enables it.
    await call.changeKey(record, 'pending deletion', ({ deletionMs: _, deletionDays: __, ...kept }) => ({
      ...kept,
      state: 'Disabled',
    }));
    return { KeyId: call.keys.arn(record) };
  },
});
