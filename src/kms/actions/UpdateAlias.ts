import { action } from '../action.js';
import { aliasArn, readAliasName } from '../alias-name.js';
import { notFound } from '../errors.js';

export const updateAlias = action({
  name: 'UpdateAlias',
  input: (input) => ({
    name: readAliasName(input),
    target: input.requiredText('TargetKeyId', { min: 1, max: 2048 }),
  }),
  async handle({ name, target }, who, keys) {
    const { accountId } = who.caller;
    const missing = () => notFound(`Alias ${aliasArn(keys.region, { accountId, name })} is not found.`);
    keys.authorizeAlias(who, 'kms:UpdateAlias', name);
    const old = await keys.ring.alias(accountId, name);
    if (!old) throw missing();
    await keys.require(who, 'kms:UpdateAlias', old.targetKeyId);
    const record = await keys.require(who, 'kms:UpdateAlias', target);
    if (record.state === 'PendingDeletion') keys.requireEnabled(record);
    const updated = { ...old, targetKeyId: record.keyId, updatedMs: keys.clock.now() };
    if (!(await keys.ring.putAlias(updated, true))) throw missing();
    return {};
  },
});
