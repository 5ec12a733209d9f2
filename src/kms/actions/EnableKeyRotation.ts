import { keyAction } from '../action.js';
import { ROTATION_DAYS, requireRotatable } from '../rotation.js';

export const enableKeyRotation = keyAction({
  name: 'EnableKeyRotation',
  input: (input) => ({ days: input.integer('RotationPeriodInDays', ROTATION_DAYS) }),
  needs: ({ days }) => ({ keys: { 'kms:rotationperiodindays': String(days ?? ROTATION_DAYS.byDefault) } }),
  states: 'usable',
  origin: 'AWS_KMS',
  check: requireRotatable,
  async handle({ days }, record, call) {
    const { keys } = call;
    const nowMs = keys.clock.now();
    call.note({ details: { RotationPeriodInDays: days ?? ROTATION_DAYS.byDefault } });
    await call.changeKey(record, 'usable', (found) => {
      requireRotatable(found, keys.arn(found));
      const periodDays = days ?? ROTATION_DAYS.byDefault;
      // Enabled already with this period: the schedule goes on.
      if (found.rotation?.periodDays === periodDays) return found;
      return { ...found, rotation: { periodDays, nextMs: nowMs + periodDays * keys.dayMs } };
    });
    return {};
  },
});
