import { describe, expect, test } from 'vitest';
import { ACCOUNT, makeKms, OTHER_ACCOUNT, root } from './harness.js';

type Ask = ReturnType<typeof makeKms>['ask'];
const OTHER_ROOT = `arn:aws:iam::${OTHER_ACCOUNT}:root`;
const RETIRING = `arn:aws:iam::${ACCOUNT}:user/retires`;
const granteeOf = (i: number): string => `arn:aws:iam::${ACCOUNT}:user/grantee-${i}`;

interface List {
  action: string;
  /** Where the answer has them. */
  entries: string;
  /** What tells them apart. */
  name: string;
  /** Makes some; answers the members that the list is asked with, and how many there are. */
  fill(kms: ReturnType<typeof makeKms>): Promise<{ input: object; count: number }>;
}

async function keyWith(
  kms: ReturnType<typeof makeKms>,
  count: number,
  make: (ask: Ask, KeyId: string, i: number) => Promise<unknown>,
) {
  const { KeyId } = await kms.createKey();
  for (let i = 0; i < count; i++) await make(kms.ask, KeyId, i);
  return { input: { KeyId }, count, KeyId };
}

const grant = (ask: Ask, KeyId: string, i: number) =>
  ask('CreateGrant', {
    KeyId,
    GranteePrincipal: granteeOf(i),
    RetiringPrincipal: RETIRING,
    Operations: ['DescribeKey'],
  });

const LISTS: List[] = [
  {
    action: 'ListKeys',
    entries: 'Keys',
    name: 'KeyId',
    async fill({ ask }) {
      for (let i = 0; i < 5; i++) await ask('CreateKey');
      await ask('CreateKey', {}, root(OTHER_ACCOUNT));
      return { input: {}, count: 5 };
    },
  },
  {
    action: 'ListAliases',
    entries: 'Aliases',
    name: 'AliasName',
    fill: (kms) =>
      keyWith(kms, 5, (ask, TargetKeyId, i) => ask('CreateAlias', { AliasName: `alias/a-${i}`, TargetKeyId })),
  },
  {
    action: 'ListGrants',
    entries: 'Grants',
    name: 'GrantId',
    fill: (kms) => keyWith(kms, 5, grant),
  },
  {
    action: 'ListRetirableGrants',
    entries: 'Grants',
    name: 'GrantId',
    async fill(kms) {
      for (let i = 0; i < 3; i++) await keyWith(kms, 2, grant);
      return { input: { RetiringPrincipal: RETIRING }, count: 6 };
    },
  },
  {
    action: 'ListKeyRotations',
    entries: 'Rotations',
    name: 'KeyMaterialId',
    async fill(kms) {
      const { KeyId } = await keyWith(kms, 4, (ask, KeyId) => ask('RotateKeyOnDemand', { KeyId }));
      return { input: { KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' }, count: 5 };
    },
  },
  {
    action: 'ListResourceTags',
    entries: 'Tags',
    name: 'TagKey',
    fill: (kms) =>
      keyWith(kms, 5, (ask, KeyId, i) => ask('TagResource', { KeyId, Tags: [{ TagKey: `t-${i}`, TagValue: '' }] })),
  },
];

/** Page after page; the markers between them. */
async function pages(ask: Ask, { action, entries, name }: List, input: object, Limit: number) {
  const names: string[] = [];
  const markers: string[] = [];
  for (let more = true; more; ) {
    const Marker = markers.at(-1);
    const { status, json } = await ask(action, { ...input, Limit, ...(Marker && { Marker }) });
    expect(status).toBe(200);
    expect(json[entries].length).toBeLessThanOrEqual(Limit);
    names.push(...json[entries].map((one: Record<string, string>) => one[name]!));
    more = json.Truncated;
    expect(json.NextMarker === undefined).toBe(!more);
    if (more) markers.push(json.NextMarker);
    expect(markers.length).toBeLessThan(20);
  }
  return { names, markers };
}

const GARBLED = ['x', 'AAAA', '!', Buffer.from('alias').toString('base64'), Buffer.from('a/b/c').toString('base64')];

describe('a list page by page', () => {
  for (const list of LISTS) {
    const { action } = list;
    test(`${action} loses and doubles nothing, however long the pages`, async () => {
      const kms = makeKms();
      const { input, count } = await list.fill(kms);
      const whole = await pages(kms.ask, list, input, 50);
      expect(whole.markers).toEqual([]);
      expect(new Set(whole.names).size).toBe(count);
      for (const limit of [1, 2, count - 1, count]) {
        const { names, markers } = await pages(kms.ask, list, input, limit);
        expect(names).toEqual(whole.names);
        expect(markers).toHaveLength(Math.ceil(count / limit) - 1);
      }
    });

    test(`${action} refuses a marker that it can't have given`, async () => {
      const kms = makeKms();
      const { input } = await list.fill(kms);
      const { markers } = await pages(kms.ask, list, input, 1);
      const given = markers[0]!;
      for (const Marker of [...GARBLED, `${given} `, `=${given}`, `A${given.slice(1)}==`]) {
        const { json } = await kms.ask(action, { ...input, Marker });
        expect([Marker, json.__type]).toEqual([Marker, 'InvalidMarkerException']);
      }
    });
  }

  test('ListKeyPolicies has one page', async () => {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey();
    const { json } = await ask('ListKeyPolicies', { KeyId, Limit: 1 });
    expect(json).toEqual({ PolicyNames: ['default'], Truncated: false });
    for (const Marker of [...GARBLED, Buffer.from('default').toString('base64')]) {
      expect((await ask('ListKeyPolicies', { KeyId, Marker })).json.__type).toBe('InvalidMarkerException');
    }
  });

  test('entries made and deleted between pages disturb nobody else', async () => {
    for (const list of LISTS.filter(({ action }) => action === 'ListAliases' || action === 'ListGrants')) {
      const kms = makeKms();
      const { input, count } = await list.fill(kms);
      const whole = (await pages(kms.ask, list, input, 50)).names;
      const first = await kms.ask(list.action, { ...input, Limit: 2 });
      // What the marker names is gone when the next page is asked for.
      if (list.action === 'ListAliases') await kms.ask('DeleteAlias', { AliasName: whole[1] });
      else await kms.ask('RevokeGrant', { ...input, GrantId: whole[1] });
      const next = await kms.ask(list.action, { ...input, Marker: first.json.NextMarker });
      const names = next.json[list.entries].map((one: Record<string, string>) => one[list.name]);
      expect(names).toEqual(whole.slice(2));
      expect(whole).toHaveLength(count);
    }
  });

  test('ListAliases of one key fills its pages from among many', async () => {
    const { ask, createKey } = makeKms();
    const [one, two] = [await createKey(), await createKey()];
    for (let i = 0; i < 12; i++) {
      const TargetKeyId = (i % 4 === 0 ? one : two).KeyId;
      await ask('CreateAlias', { AliasName: `alias/${String(i).padStart(2, '0')}`, TargetKeyId });
    }
    const list = LISTS.find(({ action }) => action === 'ListAliases')!;
    const { names } = await pages(ask, list, { KeyId: one.KeyId }, 1);
    expect(names).toEqual(['alias/00', 'alias/04', 'alias/08']);
  });
});

describe('GetKeyLastUsage', () => {
  test('tells nothing of a key that was never used, and the last use of one that was', async () => {
    const { ask, clock, createKey, audit } = makeKms();
    const { KeyId } = await createKey();
    const created = clock.now() / 1000;
    const unused = { KeyId, KeyLastUsage: {}, TrackingStartDate: created, KeyCreationDate: created };
    expect((await ask('GetKeyLastUsage', { KeyId })).json).toEqual(unused);
    clock.advance(5000);
    await ask('Encrypt', { KeyId, Plaintext: 'AAAA' });
    const { eventId, requestId } = audit.events.at(-1)!;
    clock.advance(5000);
    await ask('DescribeKey', { KeyId });
    await ask('Encrypt', { KeyId, Plaintext: 'AAAA', DryRun: true });
    await ask('Decrypt', { KeyId, CiphertextBlob: 'AAAA' });
    await ask('GenerateDataKey', { KeyId, KeySpec: 'AES_256' }, root(OTHER_ACCOUNT));
    expect((await ask('GetKeyLastUsage', { KeyId })).json.KeyLastUsage).toEqual({
      Operation: 'Encrypt',
      Timestamp: created + 5,
      CloudTrailEventId: eventId,
      KmsRequestId: requestId,
    });
  });
});

describe('ListRetirableGrants', () => {
  test('is about principals of the caller’s account alone', async () => {
    const { ask } = makeKms();
    const { json } = await ask('ListRetirableGrants', { RetiringPrincipal: OTHER_ROOT });
    expect(json.__type).toBe('AccessDeniedException');
  });
});
