import { action } from '../action.js';
import { aliasArn } from '../alias-name.js';
import type { AliasRecord } from '../alias-record.js';
import type { Call } from '../call.js';
import { notOurs } from '../denial.js';
import { KEY_ID } from '../fields.js';
import type { KeyRecord } from '../key-record.js';
import { page, readPage } from '../paging.js';

export const listAliases = action({
  name: 'ListAliases',
  input: (input) => ({
    ...readPage(input, { limit: 50, max: 100, names: /^alias\/./ }),
    keyId: input.text('KeyId', KEY_ID),
  }),
  async run({ limit, after, keyId }, call) {
    call.authorizeOn('*', {});
    const { keys, who } = call;
    const { accountId } = who.caller;
    const only = keyId === undefined ? undefined : (await ownKey(call, keyId)).keyId;
    const found: AliasRecord[] = [];
    // A filter may leave pages short; they are filled until one alias more than asked for is there.
    for (let from = after; found.length <= limit; ) {
      const some = await keys.ring.aliases.list(accountId, from, limit + 1);
      found.push(...some.filter((alias) => only === undefined || alias.targetKeyId === only));
      if (some.length <= limit) break;
      from = some.at(-1)!.name;
    }
    const { shown, ...rest } = page(found, limit, (alias) => alias.name);
    return {
      Aliases: shown.map((alias) => ({
        AliasName: alias.name,
        AliasArn: aliasArn(keys.region, alias),
        TargetKeyId: alias.targetKeyId,
        CreationDate: alias.createdMs / 1000,
        LastUpdatedDate: alias.updatedMs / 1000,
      })),
      ...rest,
    };
  },
});

/** A key of another account has no aliases here, whether or not it is there. @throws NotFoundException, AccessDeniedException */
function ownKey(call: Call, text: string): Promise<KeyRecord> {
  const { who, keys } = call;
  const reference = call.reference(text);
  const { accountId } = reference;
  if (accountId === who.caller.accountId) return call.find(reference);
  throw notOurs(who, 'kms:ListAliases', keys.arn({ accountId, keyId: reference.keyId! }));
}
