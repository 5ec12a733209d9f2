import { action } from '../action.js';
import { aliasArn, readAliasName } from '../alias-name.js';
import { notFound } from '../errors.js';

export const deleteAlias = action({
  name: 'DeleteAlias',
  input: (input) => ({ name: readAliasName(input) }),
  async handle({ name }, who, keys) {
    const { accountId } = who.caller;
    keys.authorizeAlias(who, 'kms:DeleteAlias', name);
    const old = await keys.ring.alias(accountId, name);
    if (!old) throw notFound(`Alias ${aliasArn(keys.region, { accountId, name })} is not found.`);
    await keys.require(who, 'kms:DeleteAlias', old.targetKeyId);
    await keys.ring.deleteAlias(accountId, name);
    return {};
  },
});
