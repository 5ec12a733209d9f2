import { keyAction } from '../action.js';
import { requireSelfRotating } from '../rotation.js';

export const disableKeyRotation = keyAction({
  name: 'DisableKeyRotation',
  input: () => undefined,
  needs: () => ({}),
  states: 'usable',
  check: requireSelfRotating,
  async handle(_, record, call) {
    await call.changeKey(record, 'usable', (found) => {
      if (!found.rotation) return found;
      const { rotation: _, ...rest } = found;
      return rest;
    });
    return {};
  },
});
