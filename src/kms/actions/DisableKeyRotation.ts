import { keyAction } from '../action.js';
import { requireRotatable } from '../rotation.js';

export const disableKeyRotation = keyAction({
  name: 'DisableKeyRotation',
  input: () => undefined,
  needs: () => ({}),
  states: 'usable',
  origin: 'AWS_KMS',
  check: requireRotatable,
  async handle(_, record, call) {
    await call.changeKey(record, 'usable', (found) => {
      requireRotatable(found, call.keys.arn(found));
      if (!found.rotation) return found;
      const { rotation: _, ...rest } = found;
      return rest;
    });
    return {};
  },
});
