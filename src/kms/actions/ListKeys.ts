import { action } from '../action.js';
import { constraint } from '../errors.js';
import type { Input } from '../fields.js';
import { page, readPage } from '../paging.js';

/** Nobody shares keys through Resource Access Manager here: of other accounts' there are none to list. */
const OWNERS = ['SELF', 'OTHER_ACCOUNTS_VIA_RAM'] as const;

function readOwners(input: Input): readonly string[] {
  const owners = input.someOf('ResourceOwners', OWNERS);
  if (owners?.length === 0) {
    throw constraint('[]', 'resourceOwners', 'Member must have length greater than or equal to 1');
  }
  if (owners && owners.length > OWNERS.length) {
    const shown = `[${owners.join(', ')}]`;
    throw constraint(shown, 'resourceOwners', `Member must have length less than or equal to ${OWNERS.length}`);
  }
  return owners ?? ['SELF'];
}

export const listKeys = action({
  name: 'ListKeys',
  input: (input) => ({
    ...readPage(input, { limit: 100, max: 1000, names: /^[0-9a-f-]{36}$/ }),
    owners: readOwners(input),
  }),
  async run({ limit, after, owners }, call) {
    call.authorizeOn('*', {});
    const { keys, who } = call;
    if (!owners.includes('SELF')) return { Keys: [], Truncated: false };
    const found = await keys.ring.list(who.caller.accountId, after, limit + 1);
    const { shown, ...rest } = page(found, limit, (record) => record.keyId);
    return { Keys: shown.map((record) => ({ KeyId: record.keyId, KeyArn: keys.arn(record) })), ...rest };
  },
});
