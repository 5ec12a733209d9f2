import {
  CreateBucketCommand,
  DeletePublicAccessBlockCommand,
  GetBucketOwnershipControlsCommand,
  GetObjectCommand,
  GetPublicAccessBlockCommand,
  PutBucketAclCommand,
  PutBucketPolicyCommand,
  PutObjectAclCommand,
  PutObjectCommand,
  PutPublicAccessBlockCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AccountsServer, startWithAccounts } from '../support/accounts.js';
import { refusal } from '../support/s3-error.js';

const ACCOUNTS = [
  { accountId: '111111111111', name: 'main' },
  { accountId: '222222222222', name: 'alt' },
];
let server: AccountsServer;
let serial = 0;
beforeAll(async () => {
  server = await startWithAccounts(ACCOUNTS);
});
afterAll(() => server?.close());

const as = (name: string) => server.as(name);
async function bucket(input: object = {}): Promise<string> {
  const Bucket = `block-${++serial}`;
  await as('main').send(new CreateBucketCommand({ Bucket, ...input }));
  return Bucket;
}
const put = (Bucket: string, Key: string, more: object = {}) =>
  as('main').send(new PutObjectCommand({ Bucket, Key, Body: Key, ...more }));
const block = (Bucket: string, PublicAccessBlockConfiguration: object) =>
  as('main').send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration }));
const setPolicy = (Bucket: string, Principal: unknown) =>
  as('main').send(
    new PutBucketPolicyCommand({
      Bucket,
      Policy: JSON.stringify({
        Statement: [{ Effect: 'Allow', Principal, Action: 's3:GetObject', Resource: `arn:aws:s3:::${Bucket}/*` }],
      }),
    }),
  );
const NONE = {
  BlockPublicAcls: false,
  IgnorePublicAcls: false,
  BlockPublicPolicy: false,
  RestrictPublicBuckets: false,
};
const ALL = { BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true };
const blocked = (setting: string) => ({
  status: 403,
  code: 'AccessDenied',
  message: expect.stringContaining(`the ${setting} setting in S3 Block Public Access`),
});

test('the settings are put, read and removed', async () => {
  const Bucket = await bucket();
  const read = () => as('main').send(new GetPublicAccessBlockCommand({ Bucket }));
  expect(await refusal(read())).toEqual({
    status: 404,
    code: 'NoSuchPublicAccessBlockConfiguration',
    message: 'The public access block configuration was not found',
  });
  await block(Bucket, { IgnorePublicAcls: true });
  expect((await read()).PublicAccessBlockConfiguration).toEqual({ ...NONE, IgnorePublicAcls: true });
  for (let i = 0; i < 2; i++) await as('main').send(new DeletePublicAccessBlockCommand({ Bucket }));
  expect(await refusal(read())).toMatchObject({ status: 404 });
});

describe('each setting does what it says, and no more', () => {
  test('BlockPublicAcls refuses new public ACLs', async () => {
    const Bucket = await bucket();
    await put(Bucket, 'k', { ACL: 'public-read' });
    await block(Bucket, { ...NONE, BlockPublicAcls: true });
    const GrantRead = 'uri="http://acs.amazonaws.com/groups/global/AuthenticatedUsers"';
    expect(await refusal(put(Bucket, 'l', { ACL: 'public-read' }))).toEqual(blocked('BlockPublicAcls'));
    expect(await refusal(put(Bucket, 'l', { GrantRead }))).toEqual(blocked('BlockPublicAcls'));
    const acl = { Bucket, ACL: 'public-read' } as const;
    expect(await refusal(as('main').send(new PutBucketAclCommand(acl)))).toEqual(blocked('BlockPublicAcls'));
    const ofObject = new PutObjectAclCommand({ ...acl, Key: 'k' });
    expect(await refusal(as('main').send(ofObject))).toEqual(blocked('BlockPublicAcls'));
    await expect(put(Bucket, 'l', { ACL: 'bucket-owner-full-control' })).resolves.toBeDefined();
    expect(await server.anonymous('GET', `/${Bucket}/k`)).toMatchObject({ status: 200 });
  });

  test('IgnorePublicAcls takes them out of force', async () => {
    const Bucket = await bucket({ ACL: 'public-read' });
    await put(Bucket, 'k', { ACL: 'public-read' });
    await block(Bucket, { ...NONE, IgnorePublicAcls: true });
    expect(await server.anonymous('GET', `/${Bucket}/k`)).toMatchObject({ status: 403 });
    expect(await server.anonymous('GET', `/${Bucket}`)).toMatchObject({ status: 403 });
    expect(await refusal(as('alt').send(new GetObjectCommand({ Bucket, Key: 'k' })))).toMatchObject({ status: 403 });
    await setPolicy(Bucket, '*');
    expect(await server.anonymous('GET', `/${Bucket}/k`)).toMatchObject({ status: 200 });
  });

  test('BlockPublicPolicy refuses new public policies', async () => {
    const Bucket = await bucket();
    await block(Bucket, { ...NONE, BlockPublicPolicy: true });
    expect(await refusal(setPolicy(Bucket, '*'))).toEqual(blocked('BlockPublicPolicy'));
    await expect(setPolicy(Bucket, { AWS: '222222222222' })).resolves.toBeDefined();
  });

  test('RestrictPublicBuckets shuts strangers out of a bucket with a public policy', async () => {
    const Bucket = await bucket();
    await put(Bucket, 'k');
    await setPolicy(Bucket, '*');
    const alt = () => as('alt').send(new GetObjectCommand({ Bucket, Key: 'k' }));
    await expect(alt()).resolves.toBeDefined();
    await block(Bucket, { ...NONE, RestrictPublicBuckets: true });
    expect(await refusal(alt())).toMatchObject({ status: 403 });
    expect(await server.anonymous('GET', `/${Bucket}/k`)).toMatchObject({ status: 403 });
    await expect(as('main').send(new GetObjectCommand({ Bucket, Key: 'k' }))).resolves.toBeDefined();
    await setPolicy(Bucket, { AWS: '222222222222' });
    await expect(alt()).resolves.toBeDefined();
  });
});

test('the settings of the process are what new buckets start with', async () => {
  const strict = await startWithAccounts(ACCOUNTS, {
    COFFER_BLOCK_PUBLIC_ACCESS: 'on',
    COFFER_OBJECT_OWNERSHIP: 'BucketOwnerEnforced',
  });
  try {
    const main = strict.as('main');
    const Bucket = 'strict';
    await main.send(new CreateBucketCommand({ Bucket }));
    const { PublicAccessBlockConfiguration } = await main.send(new GetPublicAccessBlockCommand({ Bucket }));
    expect(PublicAccessBlockConfiguration).toEqual(ALL);
    const { OwnershipControls } = await main.send(new GetBucketOwnershipControlsCommand({ Bucket }));
    expect(OwnershipControls?.Rules).toEqual([{ ObjectOwnership: 'BucketOwnerEnforced' }]);
    const create = (more: object) => refusal(main.send(new CreateBucketCommand({ Bucket: 'other', ...more })));
    expect(await create({ ACL: 'public-read' })).toMatchObject({ code: 'InvalidBucketAclWithObjectOwnership' });
    expect(await create({ ACL: 'public-read', ObjectOwnership: 'ObjectWriter' })).toMatchObject({
      status: 400,
      code: 'InvalidBucketAclWithBlockPublicAccessError',
    });
  } finally {
    await strict.close();
  }
});
