import { KmsError } from '../../encryption/ports.js';
import { action } from '../action.js';
import { aliasArn, readAliasName } from '../alias-name.js';

export const createAlias = action({
  name: 'CreateAlias',
  input: (input) => ({
    name: readAliasName(input),
    target: input.requiredText('TargetKeyId', { min: 1, max: 2048 }),
  }),
  async handle({ name, target }, who, keys) {
    keys.authorizeAlias(who, 'kms:CreateAlias', name);
    const record = await keys.require(who, 'kms:CreateAlias', target);
    const nowMs = keys.clock.now();
    const { accountId } = who.caller;
    const alias = { name, accountId, targetKeyId: record.keyId, createdMs: nowMs, updatedMs: nowMs };
    if (record.state === 'PendingDeletion') keys.requireEnabled(record);
    if (!(await keys.ring.putAlias(alias, false))) {
      throw new KmsError(
        'AlreadyExistsException',
        `An alias with the name ${aliasArn(keys.region, alias)} already exists`,
      );
    }
    return {};
  },
});
