import { keyAction } from '../action.js';
import { checkPolicy, POLICY_LIMITS, requireDefaultName, requireNoLockout } from '../policy-text.js';

export const putKeyPolicy = keyAction({
  name: 'PutKeyPolicy',
  input: (input) => ({
    name: requireDefaultName(input.text('PolicyName', { min: 1, max: 128 })),
    policy: input.requiredText('Policy', POLICY_LIMITS),
    bypass: input.boolean('BypassPolicyLockoutSafetyCheck') ?? false,
  }),
  needs: ({ bypass }) => ({ keys: { 'kms:bypasspolicylockoutsafetycheck': String(bypass) } }),
  states: 'any',
  async handle({ policy, bypass }, record, call) {
    const parsed = checkPolicy(policy, call.keys.parts.principals);
    if (!bypass) requireNoLockout(parsed, call, record);
    if (bypass) call.note({ details: { BypassPolicyLockoutSafetyCheck: true } });
    await call.changeKey(record, 'any', (found) => ({ ...found, policy }));
    return {};
  },
});
