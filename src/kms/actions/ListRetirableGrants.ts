import { action } from '../action.js';
import { notOurs } from '../denial.js';
import { type Input, missingAt } from '../fields.js';
import {
  grantEntry,
  type NamedPrincipal,
  readPrincipal,
  requirePrincipal,
  requireServiceCaller,
} from '../grant-request.js';
import { page, readPage } from '../paging.js';

const NEEDED = 'kms:ListRetirableGrants';

export const listRetirableGrants = action({
  name: 'ListRetirableGrants',
  input: (input) => ({
    ...readPage(input, { limit: 50, max: 100, names: /^\d{12}\/[0-9a-fmrk-]{36}\/[0-9a-f]{64}$/ }),
    retiring: requiredPrincipal(input),
  }),
  async run({ limit, after, retiring }, call) {
    const { keys, who } = call;
    // Nobody needs rights on the keys, which may be of any account, to see what may be retired.
    call.authorizeOn('*', {});
    requireServiceCaller(retiring, 'RetiringServicePrincipal', call);
    const { principal } = retiring;
    if (!retiring.service) requirePrincipal(principal, keys.region);
    const accountId = /^arn:[^:]+:[^:]+::(\d{12}):/.exec(principal)?.[1];
    if (accountId !== undefined && accountId !== who.caller.accountId) throw notOurs(who, NEEDED, principal);
    const from = after === '' ? undefined : markerOf(after);
    const found = await keys.ring.grants.retirable(principal, from, limit + 1);
    const { shown, ...rest } = page(found, limit, (one) => `${one.accountId}/${one.keyId}/${one.grantId}`);
    return { Grants: shown.map((one) => grantEntry(one, keys.arn(one))), ...rest };
  },
});

function requiredPrincipal(input: Input): NamedPrincipal {
  const retiring = readPrincipal(input, 'Retiring');
  if (!retiring) throw missingAt('retiringPrincipal');
  return retiring;
}

function markerOf(text: string): { accountId: string; keyId: string; grantId: string } {
  const [accountId = '', keyId = '', grantId = ''] = text.split('/');
  return { accountId, keyId, grantId };
}
