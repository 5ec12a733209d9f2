import { action } from '../action.js';
import { notOurs } from '../denial.js';
import { retirableRow } from '../grant-record.js';
import { grantEntry, PRINCIPAL_ID, requirePrincipal } from '../grant-request.js';
import { page, readPage } from '../paging.js';

const NEEDED = 'kms:ListRetirableGrants';

export const listRetirableGrants = action({
  name: 'ListRetirableGrants',
  input: (input) => ({
    ...readPage(input, { limit: 50, max: 100, names: /^\d{12}\/[0-9a-f-]{36}\/[0-9a-f]{64}$/ }),
    principal: input.requiredText('RetiringPrincipal', PRINCIPAL_ID),
  }),
  async run({ limit, after, principal }, call) {
    const { keys, who } = call;
    // Nobody needs rights on the keys, which may be of any account, to see what may be retired.
    call.authorizeOn('*', {});
    requirePrincipal(principal);
    const accountId = /^arn:[^:]+:[^:]+::(\d{12}):/.exec(principal)?.[1];
    if (accountId !== undefined && accountId !== who.caller.accountId) throw notOurs(who, NEEDED, principal);
    const from = after === '' ? undefined : retirableRow(principal, markerOf(after));
    const found = await keys.ring.grants.retirable(principal, from, limit + 1);
    const { shown, ...rest } = page(found, limit, (one) => `${one.accountId}/${one.keyId}/${one.grantId}`);
    return { Grants: shown.map((one) => grantEntry(one, keys.arn(one))), ...rest };
  },
});

function markerOf(text: string): { accountId: string; keyId: string; grantId: string } {
  const [accountId = '', keyId = '', grantId = ''] = text.split('/');
  return { accountId, keyId, grantId };
}
