import { comparable } from '../../base/partition.js';
import { keyAction } from '../action.js';
import { GRANT_ID, grantEntry, readPrincipal, requireServiceCaller } from '../grant-request.js';
import { page, readPage } from '../paging.js';

export const listGrants = keyAction({
  name: 'ListGrants',
  input: (input) => ({
    ...readPage(input, { limit: 50, max: 100, names: /^[0-9a-f]{64}$/ }),
    grantId: input.text('GrantId', GRANT_ID),
    grantee: readPrincipal(input, 'Grantee'),
  }),
  needs: () => ({}),
  states: 'any',
  otherAccounts: true,
  check(_, _arn, { grantee }, call) {
    requireServiceCaller(grantee, 'GranteeServicePrincipal', call);
  },
  async handle({ limit, after, grantId, grantee }, record, { keys }) {
    const held = await keys.ring.grants.of(record.accountId, record.keyId);
    const matching = [...held.byId.values()].filter(
      (one) =>
        one.grantId > after &&
        (grantId === undefined || one.grantId === grantId) &&
        (grantee === undefined || comparable(one.grantee) === comparable(grantee.principal)),
    );
    matching.sort((a, b) => (a.grantId < b.grantId ? -1 : 1));
    const { shown, ...rest } = page(matching, limit, (one) => one.grantId);
    return { Grants: shown.map((one) => grantEntry(one, keys.arn(record))), ...rest };
  },
});
