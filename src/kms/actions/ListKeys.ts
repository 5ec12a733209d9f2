import { action } from '../action.js';
import { page, readPage } from '../paging.js';

export const listKeys = action({
  name: 'ListKeys',
  input: (input) => readPage(input, { limit: 100, max: 1000, names: /^[0-9a-f-]{36}$/ }),
  async run({ limit, after }, call) {
    call.authorizeOn('*', {});
    const { keys, who } = call;
    const found = await keys.ring.list(who.caller.accountId, after, limit + 1);
    const { shown, ...rest } = page(found, limit, (record) => record.keyId);
    return { Keys: shown.map((record) => ({ KeyId: record.keyId, KeyArn: keys.arn(record) })), ...rest };
  },
});
