import { action } from '../action.js';
import { page, readPage } from '../paging.js';

export const listKeys = action({
  name: 'ListKeys',
  input: (input) => readPage(input, { limit: 100, max: 1000 }),
  async handle({ limit, after }, who, keys) {
    keys.authorizeAccount(who, 'kms:ListKeys');
    const found = await keys.ring.listKeys(who.caller.accountId, after, limit + 1);
    const { shown, ...rest } = page(found, limit, (record) => record.keyId);
    return { Keys: shown.map((record) => ({ KeyId: record.keyId, KeyArn: keys.arn(record) })), ...rest };
  },
});
