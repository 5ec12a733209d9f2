import { keyAction } from '../action.js';
import { checkPolicy, POLICY_LIMITS, POLICY_NAME, requireDefaultName, requireNoLockout } from '../policy-text.js';

export const putKeyPolicy = keyAction({
  name: 'PutKeyPolicy',
  input: (input) => ({
    policy: input.requiredText('Policy', POLICY_LIMITS),
    bypass: input.boolean('BypassPolicyLockoutSafetyCheck') ?? false,
    name: requireDefaultName(input.text('PolicyName', POLICY_NAME)),
  }),
  needs: ({ bypass }) => ({ keys: { 'kms:bypasspolicylockoutsafetycheck': String(bypass) } }),
  states: 'any',
  async handle({ policy, bypass }, record, call) {
    const parsed = checkPolicy(policy, call.keys);
    if (!bypass) requireNoLockout(parsed, call, record);
    if (bypass) call.note({ details: { BypassPolicyLockoutSafetyCheck: true } });
    await call.changeKey(record, 'any', (found) => ({ ...found, policy }));
    return {};
  },
});
