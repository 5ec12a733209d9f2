import { untilCommitted } from '../../store/conflict.js';
import { action } from '../action.js';
import { readAliasName, requireAlias } from '../alias-name.js';

export const deleteAlias = action({
  name: 'DeleteAlias',
  states: 'any',
  input: (input) => ({ name: readAliasName(input) }),
  async run({ name }, call) {
    call.note({ details: { AliasName: name } });
    // An alias that moved meanwhile is on a key that nobody was asked about.
    await untilCommitted(async () => {
      const alias = await requireAlias(call, name);
      await call.key(alias.targetKeyId, {});
      return (await call.keys.ring.aliases.delete(alias, call.committing)) || undefined;
    });
    return {};
  },
});
