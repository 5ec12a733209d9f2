import { action } from '../action.js';
import { readAliasName, requireAlias } from '../alias-name.js';

export const deleteAlias = action({
  name: 'DeleteAlias',
  states: 'any',
  input: (input) => ({ name: readAliasName(input) }),
  async run({ name }, call) {
    call.note({ details: { AliasName: name } });
    const alias = await requireAlias(call, name);
    await call.key(alias.targetKeyId, {});
    if (!(await call.keys.ring.aliases.delete(alias, call.committing))) await requireAlias(call, name);
    return {};
  },
});
