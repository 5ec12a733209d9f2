import { action } from '../action.js';
import { aliasArn, requireAliasName } from '../alias-name.js';
import { notFound } from '../errors.js';

export const deleteAlias = action({
  name: 'DeleteAlias',
  input: (input) => ({ name: requireAliasName(input.requiredText('AliasName', { min: 1, max: 256 })) }),
  async handle({ name }, who, keys) {
    const { accountId } = who.caller;
    const old = await keys.ring.alias(accountId, name);
    if (!old) throw notFound(`Alias ${aliasArn(keys.region, { accountId, name })} is not found.`);
    await keys.require(who, 'kms:DeleteAlias', old.targetKeyId);
    await keys.ring.deleteAlias(accountId, name);
    return {};
  },
});
