import { action } from '../action.js';
import type { Call } from '../call.js';
import { denied } from '../denial.js';
import { dryRunSucceeded, validation } from '../errors.js';
import { GRANT_TOKEN, KEY_ID } from '../fields.js';
import type { GrantRecord } from '../grant-record.js';
import { GRANT_ID } from '../grant-request.js';
import { invalidToken, isSelf, noSuchGrant, provesGrant, readGrantToken } from '../grants.js';
import type { KeyRecord } from '../key-record.js';

export const retireGrant = action({
  name: 'RetireGrant',
  states: 'any',
  otherAccounts: true,
  dryRun: true,
  input: (input) => ({
    token: input.text('GrantToken', GRANT_TOKEN),
    keyId: input.text('KeyId', KEY_ID),
    grantId: input.text('GrantId', GRANT_ID),
    dryRun: input.boolean('DryRun') ?? false,
  }),
  async run({ token, keyId, grantId, dryRun }, call) {
    const { keys } = call;
    call.note({ dryRun });
    let record: KeyRecord;
    let grant: GrantRecord | undefined;
    if (token !== undefined) {
      const named = readGrantToken(token);
      grant = await keys.ring.grants.find(named);
      // Said before anything of the key is: a forged token mustn't tell whether another account has it.
      if (!grant || !provesGrant(grant, named)) throw invalidToken();
      record = await call.find(named);
    } else {
      if (keyId === undefined || grantId === undefined) {
        throw validation('You must specify either a grant token, or both a grant ID and a key ID.');
      }
      record = await call.named(call.reference(keyId));
      grant = (await keys.ring.grants.of(record.accountId, record.keyId)).byId.get(grantId);
      if (!grant) {
        await requireRight(call, record, undefined);
        throw noSuchGrant(grantId);
      }
    }
    call.note({ details: { GrantId: grant.grantId } });
    await requireRight(call, record, grant);
    if (dryRun) throw dryRunSucceeded();
    if (!(await keys.ring.grants.delete(grant, call.committing))) throw noSuchGrant(grant.grantId);
    return {};
  },
});

/**
 * Whoever retires a grant is its retiring principal, its grantee where the grant says so, or the account that issued it; or the
 * key's policies allow `kms:RetireGrant`. A denial of the policies binds them all.
 * https://docs.aws.amazon.com/kms/latest/developerguide/grant-delete.html
 */
async function requireRight(call: Call, record: KeyRecord, grant: GrantRecord | undefined): Promise<void> {
  const { caller } = call.who;
  const byGrant =
    grant !== undefined &&
    (isSelf(caller, grant.retiring) ||
      (isSelf(caller, grant.grantee) && grant.operations.includes('RetireGrant')) ||
      (caller.kind === 'root' && grant.issuingAccountId === caller.accountId));
  if (!byGrant) return call.authorize(record, {}, { otherAccounts: true });
  const asked = { who: call.who, action: 'kms:RetireGrant', facts: {} } as const;
  if (await call.keys.authorizer.isDenied(asked, record, call.keys.clock.now())) {
    const decision = { allowed: false, explicit: true, by: 'resource policy' } as const;
    throw denied(call.who, 'kms:RetireGrant', call.keys.arn(record), decision);
  }
}
