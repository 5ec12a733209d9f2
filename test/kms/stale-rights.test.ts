import { expect, test, vi } from 'vitest';
import { defaultPolicy } from '../../src/kms/default-policies.js';
import { ACCOUNT, makeKms, REGION, root, user } from './harness.js';

const MALLORY = user();
const policyFor = (arn: string) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { AWS: [root().caller.arn, arn] }, Action: 'kms:*', Resource: '*' }],
  });

/** A key whose policy names Mallory; it is taken from her after she was let do what she asks, before it is written. */
async function makeShared(input: object = {}) {
  const service = makeKms();
  const { ask, createKey, ring, keys } = service;
  const { Arn, KeyId } = await createKey({ Policy: policyFor(MALLORY.caller.arn), ...input });
  const require = keys.authorizer.require.bind(keys.authorizer);
  const revokeWhileAsked = () =>
    vi.spyOn(keys.authorizer, 'require').mockImplementationOnce(async (...asked) => {
      const grant = await require(...asked);
      const revoked = await ask('PutKeyPolicy', { KeyId, Policy: defaultPolicy(ACCOUNT, REGION) });
      expect(revoked.status).toBe(200);
      return grant;
    });
  return { ...service, Arn, KeyId, revokeWhileAsked, stored: () => ring.find(ACCOUNT, KeyId) };
}

const CHANGES: Record<string, object> = {
  PutKeyPolicy: { Policy: policyFor(MALLORY.caller.arn) },
  DisableKey: {},
  EnableKey: {},
  ScheduleKeyDeletion: {},
  TagResource: { Tags: [{ TagKey: 'a', TagValue: 'b' }] },
  UntagResource: { TagKeys: ['a'] },
  UpdateKeyDescription: { Description: 'mine' },
  EnableKeyRotation: {},
  RotateKeyOnDemand: {},
};

test('a right that was taken before the write is none, whatever is changed', async () => {
  let tried = 0;
  for (const [action, members] of Object.entries(CHANGES)) {
    const { ask, KeyId, revokeWhileAsked, stored, audit } = await makeShared();
    revokeWhileAsked();
    const answer = await ask(action, { KeyId, ...members }, MALLORY);
    expect(answer.json.__type, action).toBe('AccessDeniedException');
    expect(await stored(), action).toMatchObject({
      policy: defaultPolicy(ACCOUNT, REGION),
      state: 'Enabled',
      description: '',
    });
    expect((await stored())!.backingKeys, action).toHaveLength(1);
    expect(audit.events.at(-1), action).toMatchObject({ action, result: 'AccessDeniedException' });
    tried++;
  }
  expect(tried).toBe(9);
});

test('what is let do is done still', async () => {
  const { ask, KeyId } = await makeShared();
  for (const [action, members] of Object.entries(CHANGES)) {
    if (action === 'ScheduleKeyDeletion') continue;
    const { status } = await ask(action === 'DisableKey' ? 'DescribeKey' : action, { KeyId, ...members }, MALLORY);
    expect(status, action).toBe(200);
  }
});
