import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ActionFacts } from '../../src/kms/action.js';
import { Input } from '../../src/kms/fields.js';
import { ACTIONS } from '../../src/kms/registry.js';
import { apiModel, plainText } from '../support/api-model.js';
import { makeKms, OTHER_ACCOUNT, root, user } from './harness.js';
import { TestClusters } from './key-stores/clusters.js';
import { actionOf, inputOf, KEYLESS, prepareKey, REQUESTED, REQUESTS } from './requests.js';

const GOLDEN = 'fixtures/golden/kms-actions.json';
const model = apiModel('kms');

const factsOf = (name: string): ActionFacts => ACTIONS.get(name)!;
const surface = (): string => {
  const all = [...ACTIONS.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const shown = all.map((one) => ({
    name: one.name,
    permissions: one.permissions,
    ...(one.states && { states: one.states }),
    ...(one.usage && { usage: one.usage }),
    ...(one.origin && { origin: one.origin }),
    otherAccounts: one.otherAccounts === true,
    byAlias: one.byAlias === true,
    dryRun: one.dryRun === true,
    cryptographic: one.cryptographic === true,
  }));
  return `${JSON.stringify(shown, null, 2)}\n`;
};

describe('the surface of the key service', () => {
  test(`is as ${GOLDEN} has it`, () => {
    if (process.env.COFFER_WRITE_GOLDEN) {
      mkdirSync(dirname(GOLDEN), { recursive: true });
      writeFileSync(GOLDEN, surface());
    }
    const kept = existsSync(GOLDEN) ? JSON.parse(readFileSync(GOLDEN, 'utf8')) : [];
    const hint = 'where the change is meant: COFFER_WRITE_GOLDEN=1 npx vitest run test/kms/surface.test.ts';
    expect(JSON.parse(surface()), hint).toEqual(kept);
  });

  test.skipIf(!model)('is AWS’s: operations, other accounts, aliases, dry runs, by their documentation', () => {
    const { operations, shapes } = model!;
    expect([...ACTIONS.keys()].sort()).toEqual(Object.keys(operations).sort());
    for (const name of ACTIONS.keys()) {
      const { documentation, input } = operations[name]!;
      const members = shapes[input.shape]!.members!;
      const text = plainText(documentation);
      const KeyId = members.KeyId ?? members.DestinationKeyId;
      const byAlias = /alias name|alias ARN/.test(plainText(KeyId?.documentation ?? '')) || / or alias ARN/.test(text);
      const { otherAccounts = false, dryRun = false, byAlias: byOurAlias = false } = factsOf(name);
      expect({ name, otherAccounts, dryRun, byAlias: byOurAlias }).toEqual({
        name,
        otherAccounts: /Cross-account use: Yes/.test(text),
        dryRun: 'DryRun' in members,
        byAlias,
      });
    }
  });
});

/** A user whom nothing else allows anything. */
const permitted = (permissions: readonly string[]) =>
  user(permissions.map((Action) => ({ Effect: 'Allow', Action, Resource: '*' })));

describe('what an action declares is what it does', () => {
  test('actions on no key: the permissions they declare, and no less', async () => {
    for (const [name, prepared] of Object.entries(KEYLESS)) {
      const { permissions } = factsOf(name);
      const kms = makeKms(undefined, { clusters: new TestClusters() });
      const { ask } = kms;
      const input = typeof prepared === 'function' ? await prepared(kms) : prepared;
      expect((await ask(name, input, permitted(permissions))).status, name).toBe(200);
      const read = new Input(input as Record<string, unknown>);
      ACTIONS.get(name)!.input(read);
      const shape = model?.operations[name]?.input.shape;
      if (shape !== undefined)
        expect([...read.known].sort()).toEqual(Object.keys(model!.shapes[shape]!.members!).sort());
      expect((await ask(name, { ...input, Unknown: 1 })).json.__type, name).toBe('ValidationException');
      for (const missing of permissions) {
        const fewer = permitted(permissions.filter((one) => one !== missing));
        expect((await ask(name, input, fewer)).json.__type, name).toBe('AccessDeniedException');
      }
    }
  });

  test('every action on a key has a request', () => {
    expect(REQUESTED).toEqual([...ACTIONS.keys()].sort());
  });

  for (const name of Object.keys(REQUESTS)) {
    const facts = factsOf(actionOf(name));
    const prepared = async () => {
      const key = await prepareKey(REQUESTS[name]!.kind ?? 'symmetric');
      const input = await inputOf(name, key);
      if (name === 'CancelKeyDeletion') await key.ask('ScheduleKeyDeletion', { KeyId: key.KeyId });
      const ask = (more: object = {}, who = root()) => key.ask(actionOf(name), { ...input, ...more }, who);
      const lastUse = async () => (await key.ask('GetKeyLastUsage', { KeyId: key.KeyId })).json.KeyLastUsage.Operation;
      return { ...key, key, input, ask, lastUse };
    };

    test(`${name}: keys of other accounts, which allow it`, async () => {
      const { key, ask } = await prepared();
      const other = root(OTHER_ACCOUNT);
      // An alias is always of the caller's account.
      if (name.endsWith('Alias')) {
        const KeyId = (await key.ask('CreateKey', {}, other)).json.KeyMetadata.KeyId;
        await key.ask('CreateAlias', { AliasName: 'alias/made', TargetKeyId: KeyId }, other);
      }
      const { status, json } = await ask({}, other);
      if (name === 'DeleteAlias') {
        expect(status).toBe(200);
        const { Aliases } = (await key.ask('ListAliases', { KeyId: key.KeyId })).json;
        expect(Aliases).toHaveLength(1);
      } else expect(json.__type).toBe(facts.otherAccounts ? undefined : 'AccessDeniedException');
    });

    test(`${name}: nobody without permission`, async () => {
      const { ask } = await prepared();
      expect((await ask({}, user([], '333333333333'))).json.__type).toMatch(/AccessDenied|NotFound/);
      if (facts.dryRun)
        expect((await ask({ DryRun: true }, user([], OTHER_ACCOUNT))).json.__type).toMatch(/AccessDenied/);
    });

    test(`${name}: the permissions it declares, and no less`, async () => {
      const allowed = async (permissions: readonly string[]) => {
        const { ask } = await prepared();
        return (await ask({}, permitted(permissions))).json.__type !== 'AccessDeniedException';
      };
      expect(await allowed(facts.permissions)).toBe(true);
      for (const missing of facts.permissions) {
        expect(await allowed(facts.permissions.filter((one) => one !== missing))).toBe(false);
      }
    });

    test(`${name}: its use is known`, async () => {
      const { ask, lastUse } = await prepared();
      const before = await lastUse();
      if (facts.dryRun) {
        expect((await ask({ DryRun: true })).json.__type).toBe('DryRunOperationException');
        expect(await lastUse()).toBe(before);
      }
      expect((await ask({ Unknown: null })).json.__type).toBeUndefined();
      expect(await lastUse()).toBe(facts.cryptographic ? actionOf(name) : before);
    });

    test(`${name}: every member of AWS’s model is read, and what isn’t known is refused before anything is done`, async () => {
      const { ask, input } = await prepared();
      const [read, shape] = [new Input({ ...input }), model?.operations[actionOf(name)]?.input.shape];
      ACTIONS.get(actionOf(name))!.input(read);
      if (shape !== undefined)
        expect([...read.known].sort()).toEqual(Object.keys(model!.shapes[shape]!.members!).sort());
      const strange = facts.dryRun ? [{ Unknown: { member: [1] } }] : [{ Unknown: 1 }, { DryRun: true }];
      for (const more of strange) {
        const member = Object.keys(more)[0];
        const message = `The request has a member ${member} that this version of Coffer does not know.`;
        expect((await ask(more)).json).toEqual({ __type: 'ValidationException', message });
      }
      // Nothing of it was done: it still can be.
      expect((await ask()).status).toBe(200);
    });

    if (REQUESTS[name]!.whole) continue;
    test(`${name}: an alias in place of a key`, async () => {
      const { key, ask } = await prepared();
      await key.ask('CreateAlias', { AliasName: 'alias/other-name', TargetKeyId: key.KeyId });
      const { status, json } = await ask({ KeyId: 'alias/other-name' });
      if (facts.byAlias) expect(status).toBe(200);
      else expect(json).toEqual({ __type: 'NotFoundException', message: "Invalid keyId 'alias/other-name'" });
    });
  }
});
