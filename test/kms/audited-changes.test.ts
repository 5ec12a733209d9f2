import { expect, test } from 'vitest';
import { makeKms, root } from './harness.js';

/** The one event of an action that succeeded. */
const only = (events: readonly { action: string; result: string }[], action: string) => {
  const found = events.filter((one) => one.action === action && one.result === 'Success');
  expect(found, action).toHaveLength(1);
  return found[0]!;
};

test('the records of what makes a key say which key came of it', async () => {
  const { ask, audit, createKey } = makeKms();
  const { Arn } = await createKey();
  expect(only(audit.events, 'CreateKey')).toMatchObject({ keyArn: Arn });
  audit.events.length = 0;
  const managed = (await ask('DescribeKey', { KeyId: 'alias/aws/s3' })).json.KeyMetadata.Arn;
  expect(only(audit.events, 'CreateKey')).toMatchObject({ keyArn: managed, details: { KeyManager: 'AWS' } });
});

test('the records of what changes a grant say which grant', async () => {
  const { ask, audit, createKey } = makeKms();
  const { Arn } = await createKey();
  const asked = { KeyId: Arn, GranteePrincipal: root().caller.arn, Operations: ['Encrypt'] };
  const grant = async () => (await ask('CreateGrant', asked)).json;
  const [first, second, third] = [await grant(), await grant(), await grant()];
  await ask('RevokeGrant', { KeyId: Arn, GrantId: first.GrantId });
  await ask('RetireGrant', { KeyId: Arn, GrantId: second.GrantId });
  await ask('RetireGrant', { GrantToken: third.GrantToken });
  const told = audit.events
    .filter((one) => one.action.endsWith('Grant'))
    .map(({ action, keyArn, details }) => [action, keyArn, details?.GrantId]);
  expect(told).toEqual([
    ['CreateGrant', Arn, first.GrantId],
    ['CreateGrant', Arn, second.GrantId],
    ['CreateGrant', Arn, third.GrantId],
    ['RevokeGrant', Arn, first.GrantId],
    ['RetireGrant', Arn, second.GrantId],
    ['RetireGrant', Arn, third.GrantId],
  ]);
  expect(JSON.stringify(audit.events)).not.toContain(third.GrantToken);
});
