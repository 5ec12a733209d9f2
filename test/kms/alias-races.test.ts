import { expect, test, vi } from 'vitest';
import { ALIASES_PER_KEY_MAX } from '../../src/kms/alias-book.js';
import { ACCOUNT, makeKms, user } from './harness.js';

const NAME = 'alias/app';

/** An alias of the first of three keys. `meanwhile` happens right after the next request has looked the alias up. */
async function makeAlias() {
  const service = makeKms();
  const { ask, createKey, ring } = service;
  const keys = [await createKey(), await createKey(), await createKey()] as const;
  await ask('CreateAlias', { AliasName: NAME, TargetKeyId: keys[0].KeyId });
  const meanwhile = (happens: () => Promise<unknown>) => {
    const find = ring.aliases.find.bind(ring.aliases);
    vi.spyOn(ring.aliases, 'find').mockImplementationOnce(async (accountId, name) => {
      const found = await find(accountId, name);
      await happens();
      return found;
    });
  };
  const target = async () => {
    const { Aliases } = (await ask('ListAliases')).json;
    return Aliases.find((one: { AliasName: string }) => one.AliasName === NAME)?.TargetKeyId;
  };
  return { ...service, keys, meanwhile, target };
}

test('UpdateAlias that is overtaken does what it says, or says that it did not', async () => {
  const { ask, keys, meanwhile, target, audit } = await makeAlias();
  meanwhile(() => ask('UpdateAlias', { AliasName: NAME, TargetKeyId: keys[1].KeyId }));
  expect(await ask('UpdateAlias', { AliasName: NAME, TargetKeyId: keys[2].KeyId })).toEqual({ status: 200, json: {} });
  expect(await target()).toBe(keys[2].KeyId);
  const updates = audit.events.filter((one) => one.action === 'UpdateAlias' && one.result === 'Success');
  expect(updates.map((one) => one.keyArn)).toEqual([keys[1].Arn, keys[2].Arn]);
});

test('an alias that moved to a key meanwhile is neither deleted nor moved by whom that key is closed to', async () => {
  for (const action of ['DeleteAlias', 'UpdateAlias']) {
    const { ask, keys, meanwhile, target } = await makeAlias();
    const closed = keys[1];
    const alice = user([
      { Effect: 'Allow', Action: 'kms:*', Resource: '*' },
      { Effect: 'Deny', Action: 'kms:*', Resource: closed.Arn },
    ]);
    meanwhile(() => ask('UpdateAlias', { AliasName: NAME, TargetKeyId: closed.KeyId }));
    const input = { AliasName: NAME, ...(action === 'UpdateAlias' && { TargetKeyId: keys[2].KeyId }) };
    expect((await ask(action, input, alice)).json.__type, action).toBe('AccessDeniedException');
    expect(await target(), action).toBe(closed.KeyId);
  }
});

test('an alias that is deleted meanwhile is not found', async () => {
  const { ask, meanwhile, target } = await makeAlias();
  meanwhile(() => ask('DeleteAlias', { AliasName: NAME }));
  expect((await ask('DeleteAlias', { AliasName: NAME })).json.__type).toBe('NotFoundException');
  expect(await target()).toBeUndefined();
});

test('a key gets no more aliases by UpdateAlias than by CreateAlias', async () => {
  const { ask, keys } = await makeAlias();
  for (let i = 0; i < ALIASES_PER_KEY_MAX; i++) {
    expect((await ask('CreateAlias', { AliasName: `alias/${i}`, TargetKeyId: keys[1].KeyId })).status).toBe(200);
  }
  const moved = { AliasName: NAME, TargetKeyId: keys[1].KeyId };
  expect((await ask('UpdateAlias', moved)).json.__type).toBe('LimitExceededException');
  expect((await ask('UpdateAlias', { ...moved, AliasName: 'alias/0' })).status).toBe(200);
});

test('naming aliases of accounts that there are not keeps nothing in memory', async () => {
  const { ask, ring, keys } = await makeAlias();
  for (const accountId of ['333333333333', '4', '5'.repeat(1900)]) {
    const KeyId = `arn:aws:kms:us-east-1:${accountId}:alias/x`;
    expect((await ask('DescribeKey', { KeyId })).json.__type, accountId).toBe('AccessDeniedException');
    expect(ring.aliases.namesOf(accountId, 'x'), accountId).toBeUndefined();
  }
  expect(ring.aliases.namesOf(ACCOUNT, keys[0].KeyId)).toEqual([NAME]);
});
