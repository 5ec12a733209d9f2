import { keyAction } from '../action.js';
import { GRANT_ID, grantEntry, PRINCIPAL_ID } from '../grant-request.js';
import { page, readPage } from '../paging.js';

export const listGrants = keyAction({
  name: 'ListGrants',
  input: (input) => ({
    ...readPage(input, { limit: 50, max: 100, names: /^[0-9a-f]{64}$/ }),
    grantId: input.text('GrantId', GRANT_ID),
    grantee: input.text('GranteePrincipal', PRINCIPAL_ID),
  }),
  needs: () => ({}),
  states: 'any',
  otherAccounts: true,
  async handle({ limit, after, grantId, grantee }, record, { keys }) {
    const held = await keys.ring.grants.of(record.accountId, record.keyId);
    const matching = [...held.byId.values()].filter(
      (one) =>
        one.grantId > after &&
        (grantId === undefined || one.grantId === grantId) &&
        (grantee === undefined || one.grantee === grantee),
    );
    matching.sort((a, b) => (a.grantId < b.grantId ? -1 : 1));
    const { shown, ...rest } = page(matching, limit, (one) => one.grantId);
    return { Grants: shown.map((one) => grantEntry(one, keys.arn(record))), ...rest };
  },
});
