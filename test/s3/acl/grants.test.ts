import { describe, expect, test } from 'vitest';
import { CANNED, type CannedAcl, cannedGrants } from '../../../src/s3/acl/canned.js';
import { aclGrants, isPublicAcl, PERMISSIONS, storedAcl } from '../../../src/s3/acl/grants.js';
import { ownerOf, ownerOfNew } from '../../../src/s3/acl/owner.js';
import { resolveAcl } from '../../../src/s3/acl/request.js';
import { aclHeaders } from '../../../src/s3/fields/acl.js';
import type { BucketRecord, Grant } from '../../../src/store/records.js';

const OWNER = '111111111111';
const OTHER = '222222222222';
const accounts = {
  owner: () => undefined,
  acting: () => undefined,
  byCanonicalId: (id: string) => ({ 'owner, "the" one': OWNER, other: OTHER })[id],
  byEmail: (email: string) => (email === 'both@x' ? [OWNER, OTHER] : email === 'other@x' ? [OTHER] : []),
};
const read = (headers: Record<string, string>) =>
  aclHeaders.read({ method: 'PUT', bucket: 'b', key: 'k', query: new Map(), headers });
const resolve = (headers: Record<string, string>) => resolveAcl(read(headers), accounts, OWNER, OWNER);

describe('what an ACL grants', () => {
  test('each permission is itself alone, and FULL_CONTROL is all of them', () => {
    let cases = 0;
    for (const held of PERMISSIONS) {
      for (const wanted of PERMISSIONS) {
        const acl: Grant[] = [{ account: OTHER, permission: held }];
        expect(aclGrants(acl, wanted, { accountId: OTHER })).toBe(held === wanted || held === 'FULL_CONTROL');
        expect(aclGrants(acl, wanted, { accountId: OWNER })).toBe(false);
        expect(aclGrants(acl, wanted, { accountId: '' })).toBe(false);
        cases++;
      }
    }
    expect(cases).toBe(25);
  });

  test('groups: everyone, everyone who signs, and nobody who calls', () => {
    const to = (group: 'AllUsers' | 'AuthenticatedUsers' | 'LogDelivery', accountId: string) =>
      aclGrants([{ group, permission: 'READ' }], 'READ', { accountId });
    expect([to('AllUsers', ''), to('AllUsers', OTHER)]).toEqual([true, true]);
    expect([to('AuthenticatedUsers', ''), to('AuthenticatedUsers', OTHER)]).toEqual([false, true]);
    expect([to('LogDelivery', ''), to('LogDelivery', OTHER)]).toEqual([false, false]);
  });

  test('a grant to no account is no grant to those without one', () => {
    expect(aclGrants([{ account: '', permission: 'FULL_CONTROL' }], 'READ', { accountId: '' })).toBe(false);
  });

  test('public grants can be ignored, and those of the account', () => {
    const acl: Grant[] = [
      { group: 'AllUsers', permission: 'READ' },
      { account: OWNER, permission: 'WRITE' },
    ];
    expect(aclGrants(acl, 'READ', { accountId: OTHER, ignorePublic: true })).toBe(false);
    expect(aclGrants(acl, 'WRITE', { accountId: OWNER, groupsOnly: true })).toBe(false);
    expect(aclGrants(acl, 'READ', { accountId: OWNER, groupsOnly: true })).toBe(true);
  });
});

test('the default ACL takes no bytes, an empty one does', () => {
  expect(storedAcl([{ account: OWNER, permission: 'FULL_CONTROL' }], OWNER)).toBeUndefined();
  expect(storedAcl([], OWNER)).toEqual([]);
  expect(storedAcl([{ account: OTHER, permission: 'FULL_CONTROL' }], OWNER)).toHaveLength(1);
});

test('canned ACLs: the owner keeps everything, and only those with everyone in them are public', () => {
  const names = Object.keys(CANNED) as CannedAcl[];
  for (const name of names) {
    const acl = cannedGrants(name, OTHER, OWNER);
    expect(acl.at(-1)).toEqual({ account: OTHER, permission: 'FULL_CONTROL' });
    expect(isPublicAcl(acl)).toBe(['public-read', 'public-read-write', 'authenticated-read'].includes(name));
  }
  expect(names).toHaveLength(8);
  expect(cannedGrants('bucket-owner-read', OTHER, OWNER)[0]).toEqual({ account: OWNER, permission: 'READ' });
  expect(cannedGrants('bucket-owner-full-control', OWNER, OWNER)).toHaveLength(1);
});

describe('headers', () => {
  test('name grantees by id, URI and e-mail, with commas and equals signs in quotes', () => {
    // A quote can't stand inside the quotes; any other character of an id can.
    const acl = resolve({
      'x-amz-grant-read': 'id="other", uri=http://acs.amazonaws.com/groups/global/AllUsers ,emailAddress="other@x"',
      'x-amz-grant-full-control': 'ID=other',
    });
    expect(acl).toEqual([
      { permission: 'READ', account: OTHER },
      { permission: 'READ', group: 'AllUsers' },
      { permission: 'READ', account: OTHER },
      { permission: 'FULL_CONTROL', account: OTHER },
    ]);
  });

  test.each([
    [{ 'x-amz-acl': 'fake-acl' }, 'InvalidArgument', ''],
    [{ 'x-amz-grant-write': 'fakekey="1234"' }, 'InvalidArgument', 'Argument format not recognized'],
    [{ 'x-amz-grant-write': 'id="other" uri="x"' }, 'InvalidArgument', 'Argument format not recognized'],
    [{ 'x-amz-grant-write': 'id="wrong-id"' }, 'InvalidArgument', 'Invalid id'],
    [
      { 'x-amz-grant-write': 'uri="http://acs.amazonaws.com/groups/s3/FakeGroup"' },
      'InvalidArgument',
      'Invalid group uri',
    ],
    [{ 'x-amz-grant-read': 'emailAddress="nobody@x"' }, 'UnresolvableGrantByEmailAddress', expect.any(String)],
    [{ 'x-amz-grant-read': 'emailAddress="both@x"' }, 'AmbiguousGrantByEmailAddress', expect.any(String)],
    [
      { 'x-amz-acl': 'private', 'x-amz-grant-read': 'id=other' },
      'InvalidRequest',
      'Specifying both Canned ACLs and Header Grants is not allowed',
    ],
    [{ 'x-amz-grant-read': Array(101).fill('id=other').join(',') }, 'MalformedACLError', expect.any(String)],
  ])('%j is refused', (headers, code, message) => {
    expect(() => resolve(headers as Record<string, string>)).toThrow(expect.objectContaining({ code, message }));
  });
});

test('ownership: whose an object is and will be', () => {
  const bucket = (ownership?: BucketRecord['ownership']) => ({ ownerAccountId: OWNER, ownership }) as BucketRecord;
  const writer = { accountId: OTHER };
  const full = 'bucket-owner-full-control';
  expect(ownerOfNew(bucket(), writer, full)).toBe(OTHER);
  expect(ownerOfNew(bucket('ObjectWriter'), writer, full)).toBe(OTHER);
  expect(ownerOfNew(bucket('BucketOwnerPreferred'), writer, full)).toBe(OWNER);
  expect(ownerOfNew(bucket('BucketOwnerPreferred'), writer, undefined)).toBe(OTHER);
  expect(ownerOfNew(bucket('BucketOwnerEnforced'), writer, undefined)).toBe(OWNER);
  expect(ownerOf({ ownerAccountId: OTHER }, bucket('BucketOwnerEnforced'))).toBe(OWNER);
  expect(ownerOf({ ownerAccountId: OTHER }, bucket())).toBe(OTHER);
});
