import { action } from '../action.js';
import { page, readPage } from '../paging.js';
import type { AliasRecord } from '../rows.js';

export const listAliases = action({
  name: 'ListAliases',
  input: (input) => ({
    ...readPage(input, { limit: 50, max: 100 }),
    keyId: input.text('KeyId', { min: 1, max: 2048 }),
  }),
  async handle({ limit, after, keyId }, who, keys) {
    keys.authorizeAccount(who, 'kms:ListAliases');
    const { accountId } = who.caller;
    const only = keyId === undefined ? undefined : (await keys.find(who, keyId)).keyId;
    const found: AliasRecord[] = [];
    // A filter may leave pages short; they are filled until one alias more than asked for is there.
    for (let from = after; found.length <= limit; ) {
      const some = await keys.ring.listAliases(accountId, from, limit + 1);
      found.push(...some.filter((alias) => only === undefined || alias.targetKeyId === only));
      if (some.length <= limit) break;
      from = some.at(-1)!.name;
    }
    const { shown, ...rest } = page(found, limit, (alias) => alias.name);
    return {
      Aliases: shown.map((alias) => ({
        AliasName: alias.name,
        AliasArn: `arn:aws:kms:${keys.region}:${alias.accountId}:${alias.name}`,
        TargetKeyId: alias.targetKeyId,
        CreationDate: alias.createdMs / 1000,
        LastUpdatedDate: alias.updatedMs / 1000,
      })),
      ...rest,
    };
  },
});
