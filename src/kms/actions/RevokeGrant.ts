import { keyAction } from '../action.js';
import { GRANT_ID } from '../grant-request.js';
import { noSuchGrant } from '../grants.js';

export const revokeGrant = keyAction({
  name: 'RevokeGrant',
  input: (input) => ({ grantId: input.requiredText('GrantId', GRANT_ID) }),
  needs: () => ({}),
  states: 'any',
  otherAccounts: true,
  dryRun: true,
  async check({ accountId, keyId }, _, { grantId }, { keys }) {
    if (!(await keys.ring.grants.of(accountId, keyId)).byId.has(grantId)) throw noSuchGrant(grantId);
  },
  async handle({ grantId }, record, call) {
    call.note({ details: { GrantId: grantId } });
    const { grants } = call.keys.ring;
    const grant = (await grants.of(record.accountId, record.keyId)).byId.get(grantId);
    if (!grant || !(await grants.delete(grant, call.committing))) throw noSuchGrant(grantId);
    return {};
  },
});
