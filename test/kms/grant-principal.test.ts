import { expect, test } from 'vitest';
import { ACCOUNT, makeKms, OTHER_ACCOUNT } from './harness.js';

const ALICE = `arn:aws:iam::${ACCOUNT}:user/alice`;
const NOBODY = `arn:aws:iam::${ACCOUNT}:user/nobody`;
/** As `iam/` answers: of its own accounts it knows everyone, of others nobody. */
const exists = (arn: string): boolean | undefined => (arn.includes(ACCOUNT) ? arn === ALICE : undefined);

test('a grant is for principals that exist, as far as Coffer can know', async () => {
  const { ask, createKey } = makeKms(undefined, { principals: { exists, accountIds: () => [ACCOUNT] } });
  const { KeyId } = await createKey();
  const grant = (members: object) => ask('CreateGrant', { KeyId, Operations: ['Decrypt'], ...members });
  const refused = [{ GranteePrincipal: NOBODY }, { GranteePrincipal: ALICE, RetiringPrincipal: NOBODY }];
  for (const members of refused) {
    expect((await grant(members)).json).toEqual({
      __type: 'InvalidArnException',
      message: 'ARN does not refer to a valid principal',
    });
  }
  expect((await ask('ListGrants', { KeyId })).json.Grants).toEqual([]);
  const stranger = `arn:aws:iam::${OTHER_ACCOUNT}:user/bob`;
  for (const GranteePrincipal of [ALICE, stranger]) expect((await grant({ GranteePrincipal })).status).toBe(200);
});

test('grants that somebody may retire are listed also when he is gone', async () => {
  const { ask } = makeKms(undefined, { principals: { exists, accountIds: () => [ACCOUNT] } });
  expect((await ask('ListRetirableGrants', { RetiringPrincipal: NOBODY })).json.Grants).toEqual([]);
});
