import { KmsError } from '../../encryption/ports.js';
import { untilCommitted } from '../../store/conflict.js';
import { action, requireUsable } from '../action.js';
import { aliasArn, readAliasName } from '../alias-name.js';
import { KEY_ID } from '../fields.js';

export const createAlias = action({
  name: 'CreateAlias',
  states: 'not pending deletion',
  input: (input) => ({ name: readAliasName(input), target: input.requiredText('TargetKeyId', KEY_ID) }),
  async run({ name, target }, call) {
    const { keys, who } = call;
    const { accountId } = who.caller;
    // An alias has no policy of its own: identity policies decide, besides those on its key.
    call.authorizeOn(aliasArn(keys.region, { accountId, name }), {});
    call.note({ details: { AliasName: name } });
    const record = await call.key(target, {});
    requireUsable(call, record, 'not pending deletion');
    const { aliases } = keys.ring;
    await untilCommitted(async () => {
      const commit = await aliases.requireRoom(record);
      if (await aliases.create({ name, accountId, keyId: record.keyId }, commit, call.committing)) return true;
      // Another process made or moved other aliases of the account meanwhile.
      if (commit.checks.length > 1 && !(await aliases.find(accountId, name))) return undefined;
      const arn = aliasArn(keys.region, { accountId, name });
      throw new KmsError('AlreadyExistsException', `An alias with the name ${arn} already exists`);
    });
    return {};
  },
});
