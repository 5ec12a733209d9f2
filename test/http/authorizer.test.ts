import { beforeEach, describe, expect, test } from 'vitest';
import { ANONYMOUS, type Caller } from '../../src/auth/ports.js';
import { randomId } from '../../src/base/ids.js';
import { Authorizer } from '../../src/http/authorizer.js';
import { parseIdentityPolicy } from '../../src/policy/parse.js';
import { KnownPolicies } from '../../src/s3/bucket-policy/known-policies.js';
import { objectArn, type Permission } from '../../src/s3/operation.js';
import type { RecordSealer } from '../../src/seal/ports.js';
import { BucketConfigs } from '../../src/store/bucket-configs.js';
import { BucketPolicies } from '../../src/store/bucket-policies.js';
import { Buckets } from '../../src/store/buckets.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import type { BucketRecord, Grant, ObjectRecord } from '../../src/store/records.js';

const plain: RecordSealer = {
  seal: (_type, _key, plaintext) => Buffer.from(plaintext),
  open: (_type, _key, sealed) => Buffer.from(sealed),
  openMany: (_type, rows) => rows.map(({ value }) => Buffer.from(value)),
};
const OWNER = '111111111111';
const OTHER = '222222222222';
const root = (accountId: string): Caller => ({
  ...ANONYMOUS,
  kind: 'root',
  accountId,
  arn: `arn:aws:iam::${accountId}:root`,
});
const user = (accountId: string, ...actions: string[]): Caller => ({
  ...root(accountId),
  kind: 'user',
  arn: `arn:aws:iam::${accountId}:user/u`,
  userName: 'u',
  policies: actions.length
    ? [parseIdentityPolicy({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }] })]
    : [],
});
const source = (headers: Record<string, string> = {}) => ({
  operation: 'GetObject',
  region: 'us-east-1',
  fields: { method: 'GET', bucket: 'b', key: 'k', query: new Map(), headers },
  signature: { type: 'REST-HEADER', version: 'AWS4-HMAC-SHA256', ageMs: 0, region: 'us-east-1' } as const,
  requestContext: new Map(),
  socket: undefined,
});
const asks = (action: Permission['action']): Permission => ({ action, resource: objectArn('b', 'k') });

let buckets: Buckets;
let policies: BucketPolicies;
let known: KnownPolicies;
let configs: BucketConfigs;
let record: BucketRecord;
beforeEach(async () => {
  const meta = new MemoryMetaStore();
  buckets = new Buckets(meta, plain);
  policies = new BucketPolicies(meta, plain, buckets);
  known = new KnownPolicies(policies, 'aws');
  configs = new BucketConfigs(meta, plain, buckets);
  record = {
    bucketId: randomId().toString('hex'),
    name: 'b',
    ownerAccountId: OWNER,
    createdMs: 0,
    locationConstraint: '',
    encryption: { algorithm: 'AES256', bucketKeyEnabled: false, blockSseC: false, explicit: false },
  };
  await buckets.create(record);
});
const authorizer = (caller: Caller, headers?: Record<string, string>) =>
  new Authorizer(buckets, known, configs, caller, source(headers));
const policy = (Effect: 'Allow' | 'Deny') =>
  JSON.stringify({
    Statement: [{ Effect, Principal: '*', Action: 's3:GetObject', Resource: 'arn:aws:s3:::b/*' }],
  });
const object = (ownerAccountId: string, acl?: Grant[]): ObjectRecord =>
  ({ ownerAccountId, content: { ...(acl && { acl }) } }) as ObjectRecord;

describe('the policy of a bucket', () => {
  test('a bucket that wasn’t entered is never asked without its policy', async () => {
    await policies.put(record, policy('Deny'), { bindsRoot: false });
    const { record: now } = (await buckets.get('b'))!;
    expect(() => authorizer(root(OWNER)).allowed(asks('s3:GetObject'), now)).toThrow('before it was entered');
  });

  test('one that is replaced between the two reads is read again', async () => {
    await policies.put(record, policy('Allow'), { bindsRoot: false });
    const stale = await buckets.get('b');
    await policies.put(record, policy('Deny'), { bindsRoot: false });
    const get = buckets.get.bind(buckets);
    let reads = 0;
    buckets.get = async (name) => (reads++ === 0 ? stale : get(name));
    const one = authorizer(root(OWNER));
    const entered = (await one.enter('b'))!;
    expect(reads).toBe(2);
    expect(one.allowed(asks('s3:GetObject'), entered.record, object(OWNER))).toBe(false);
  });

  test('one whose row is gone stops the request instead of counting as none', async () => {
    await policies.put(record, policy('Deny'), { bindsRoot: false });
    policies.text = async () => undefined;
    await expect(authorizer(root(OWNER)).enter('b')).rejects.toThrow('the policy of a bucket is missing');
  });

  test('it is parsed once, and forgotten when others need the room', async () => {
    await policies.put(record, policy('Allow'), { bindsRoot: false });
    let reads = 0;
    const text = policies.text.bind(policies);
    policies.text = async (id, stamp) => {
      reads++;
      return stamp.startsWith('filler') ? policy('Allow').padEnd(20_000) : text(id, stamp);
    };
    for (let i = 0; i < 5; i++) await authorizer(ANONYMOUS).enter('b');
    expect(reads).toBe(1);
    for (let i = 0; i < 300; i++) await known.of({ ...record, policy: { stamp: `filler ${i}` } });
    await authorizer(ANONYMOUS).enter('b');
    expect(reads).toBe(302);
  });
});

describe('who may read an object', () => {
  const everyone: Grant[] = [{ group: 'AllUsers', permission: 'READ' }];
  const read = asks('s3:GetObject');
  test.each<[string, Caller, ObjectRecord, boolean]>([
    ['its owner', root(OWNER), object(OWNER), true],
    ['a user of its owner with leave', user(OWNER, 's3:GetObject'), object(OWNER), true],
    ['a user of its owner without leave', user(OWNER), object(OWNER), false],
    ['a user of its owner without leave, what everyone may', user(OWNER), object(OWNER, everyone), true],
    ['a stranger', root(OTHER), object(OWNER), false],
    ['a stranger who was granted it', root(OTHER), object(OWNER, [{ account: OTHER, permission: 'READ' }]), true],
    ['a stranger’s user without leave', user(OTHER), object(OWNER, everyone), false],
    ['a stranger’s user with leave', user(OTHER, 's3:*'), object(OWNER, everyone), true],
    ['nobody', ANONYMOUS, object(OWNER), false],
    ['nobody, what everyone may', ANONYMOUS, object(OWNER, everyone), true],
    ['nobody, what nobody wrote', ANONYMOUS, object(''), false],
    ['the bucket’s owner, what a stranger wrote', root(OWNER), object(OTHER), false],
    ['the bucket’s user, what a stranger wrote', user(OWNER, 's3:*'), object(OTHER), false],
    ['the stranger who wrote it', root(OTHER), object(OTHER), true],
    ['the owner, out of its own ACL', root(OWNER), object(OWNER, []), false],
  ])('%s: %#', (_who, caller, version, may) => {
    expect(authorizer(caller).allowed(read, record, version)).toBe(may);
    // An ACL isn't asked where the object wasn't looked at.
    if (caller.accountId !== OWNER) expect(authorizer(caller).allowed(read, record)).toBe(false);
  });

  test('a denial of the bucket’s policy holds for what a stranger wrote, an allowance doesn’t', async () => {
    for (const [effect, ofStranger, ofReader] of [
      ['Allow', true, false],
      ['Deny', false, false],
    ] as const) {
      await policies.put(record, policy(effect), { bindsRoot: false });
      const stranger = authorizer(root(OTHER));
      const { record: now } = (await stranger.enter('b'))!;
      expect(stranger.allowed(read, now, object(OTHER))).toBe(ofStranger);
      const reader = authorizer(root('333333333333'));
      await reader.enter('b');
      expect(reader.allowed(read, now, object(OTHER))).toBe(ofReader);
    }
  });

  test('whether a key is missing, who may list learns', () => {
    expect(authorizer(ANONYMOUS).allowed(read, record, 'absent')).toBe(false);
    expect(authorizer(ANONYMOUS).allowed(read, { ...record, acl: everyone }, 'absent')).toBe(true);
    expect(authorizer(root(OTHER)).allowed(read, { ...record, acl: everyone }, 'absent')).toBe(true);
    const enforced = { ...record, acl: everyone, ownership: 'BucketOwnerEnforced' } as const;
    expect(authorizer(ANONYMOUS).allowed(read, enforced, 'absent')).toBe(false);
  });
});

describe('who may name an ACL with a new object', () => {
  const needs: Permission = { ...asks('s3:PutObjectAcl'), ofNewObject: true };
  test('its writer, who will own it, as far as its own account lets it', () => {
    expect(authorizer(root(OTHER)).allowed(needs, record)).toBe(true);
    expect(authorizer(user(OTHER, 's3:PutObject')).allowed(needs, record)).toBe(false);
    expect(authorizer(user(OTHER, 's3:PutObjectAcl')).allowed(needs, record)).toBe(true);
  });

  test('where the bucket’s owner will own it, whom that lets in', () => {
    const preferred = { ...record, ownership: 'BucketOwnerPreferred' } as const;
    const handed = { 'x-amz-acl': 'bucket-owner-full-control' };
    expect(authorizer(root(OTHER), handed).allowed(needs, preferred)).toBe(false);
    const acl: Grant[] = [{ account: OTHER, permission: 'WRITE' }];
    expect(authorizer(root(OTHER), handed).allowed(needs, { ...preferred, acl })).toBe(true);
  });
});
