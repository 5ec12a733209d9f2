import { untilCommitted } from '../../store/conflict.js';
import { action, requireUsable } from '../action.js';
import { readAliasName, requireAlias } from '../alias-name.js';
import type { Call } from '../call.js';
import { validation } from '../errors.js';
import { KEY_ID } from '../fields.js';

export const updateAlias = action({
  name: 'UpdateAlias',
  states: 'not pending deletion',
  input: (input) => ({ name: readAliasName(input), target: input.requiredText('TargetKeyId', KEY_ID) }),
  async run({ name, target }, call) {
    call.note({ details: { AliasName: name } });
    await untilCommitted(async () => (await retarget(call, name, target)) || undefined);
    return {};
  },
});

/** `false`: the alias moved meanwhile, and is on a key that nobody was asked about. */
async function retarget(call: Call, name: string, target: string): Promise<boolean> {
  const { aliases } = call.keys.ring;
  const alias = await requireAlias(call, name);
  const old = await call.key(alias.targetKeyId, {});
  const record = await call.key(target, {});
  requireUsable(call, record, 'not pending deletion');
  if (old.usage !== record.usage || (old.spec === 'SYMMETRIC_DEFAULT') !== (record.spec === 'SYMMETRIC_DEFAULT')) {
    throw validation('The current and new KMS keys of an alias must be of the same type and have the same key usage.');
  }
  const commit = old.keyId === record.keyId ? undefined : await aliases.requireRoom(record);
  return aliases.retarget(alias, record.keyId, call.committing, commit);
}
