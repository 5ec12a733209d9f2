import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketOwnershipControlsCommand,
  DeleteObjectCommand,
  GetBucketAclCommand,
  GetBucketOwnershipControlsCommand,
  GetObjectAclCommand,
  GetObjectCommand,
  type Grant,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutBucketAclCommand,
  PutBucketOwnershipControlsCommand,
  PutBucketVersioningCommand,
  PutObjectAclCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AccountsServer, keyOf, startWithAccounts } from '../support/accounts.js';
import { refusal } from '../support/s3-error.js';
import { signedRequest } from '../support/signed-request.js';

let server: AccountsServer;
let serial = 0;
const MAIN = 'id of main, with = and ,';
const ALL_USERS = 'http://acs.amazonaws.com/groups/global/AllUsers';
const policy = (Action: string) => ({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action, Resource: '*' }] });

beforeAll(async () => {
  server = await startWithAccounts([
    {
      accountId: '111111111111',
      name: 'main',
      canonicalUserId: MAIN,
      email: 'main@example.com',
      users: [{ userName: 'clerk', policies: [policy('s3:*')] }, { userName: 'idle' }],
    },
    {
      accountId: '222222222222',
      name: 'alt',
      canonicalUserId: 'alt-id',
      email: 'Alt@Example.com',
      users: [{ userName: 'altidle' }, { userName: 'altuser', policies: [policy('s3:*')] }],
    },
  ]);
});
afterAll(() => server?.close());

const as = (name: string) => server.as(name);
async function bucket(input: Partial<CreateBucketCommand['input']> = {}): Promise<string> {
  const Bucket = `acl-${++serial}`;
  await as('main').send(new CreateBucketCommand({ Bucket, ...input }));
  return Bucket;
}
const put = (who: string, Bucket: string, Key: string, more: object = {}) =>
  as(who).send(new PutObjectCommand({ Bucket, Key, Body: Key, ...more }));
const get = (who: string, Bucket: string, Key: string) => as(who).send(new GetObjectCommand({ Bucket, Key }));
const short = (grants: Grant[] | undefined) =>
  grants?.map(({ Grantee, Permission }) => `${Grantee?.ID ?? Grantee?.URI?.split('/').pop()} ${Permission}`);
const aclOf = async (Bucket: string, who = 'main') =>
  short((await as(who).send(new GetBucketAclCommand({ Bucket }))).Grants);
const objectAclOf = async (Bucket: string, Key: string, who = 'main') =>
  short((await as(who).send(new GetObjectAclCommand({ Bucket, Key }))).Grants);

describe('bucket ACLs', () => {
  test('the default one names the owner as the accounts file has it', async () => {
    const answer = await as('main').send(new GetBucketAclCommand({ Bucket: await bucket() }));
    expect(answer.Owner).toEqual({ ID: MAIN });
    expect(answer.Grants).toEqual([{ Grantee: { Type: 'CanonicalUser', ID: MAIN }, Permission: 'FULL_CONTROL' }]);
  });

  test.each([
    ['private', [`${MAIN} FULL_CONTROL`]],
    ['public-read', [`${MAIN} FULL_CONTROL`, 'AllUsers READ']],
    ['public-read-write', [`${MAIN} FULL_CONTROL`, 'AllUsers READ', 'AllUsers WRITE']],
    ['authenticated-read', [`${MAIN} FULL_CONTROL`, 'AuthenticatedUsers READ']],
    ['log-delivery-write', [`${MAIN} FULL_CONTROL`, 'LogDelivery WRITE', 'LogDelivery READ_ACP']],
  ])('canned %s, at creation and later', async (name, grants) => {
    const ACL = name as 'private';
    expect(await aclOf(await bucket({ ACL }))).toEqual(grants);
    const Bucket = await bucket();
    await as('main').send(new PutBucketAclCommand({ Bucket, ACL }));
    expect(await aclOf(Bucket)).toEqual(grants);
  });

  test('grants by headers and by a body, to ids, e-mails and groups', async () => {
    const Bucket = await bucket({ GrantRead: 'id="alt-id"', GrantWrite: 'emailAddress="alt@example.com"' });
    expect(await aclOf(Bucket)).toEqual(['alt-id READ', 'alt-id WRITE']);
    const Grants: Grant[] = [
      { Grantee: { Type: 'AmazonCustomerByEmail', EmailAddress: 'alt@example.com' }, Permission: 'READ_ACP' },
      { Grantee: { Type: 'CanonicalUser', ID: MAIN }, Permission: 'FULL_CONTROL' },
      { Grantee: { Type: 'Group', URI: ALL_USERS }, Permission: 'READ' },
    ];
    await as('main').send(new PutBucketAclCommand({ Bucket, AccessControlPolicy: { Owner: { ID: MAIN }, Grants } }));
    expect(await aclOf(Bucket)).toEqual([`${MAIN} FULL_CONTROL`, 'alt-id READ_ACP', 'AllUsers READ']);
    expect(await aclOf(Bucket, 'alt')).toHaveLength(3);
    // What GetBucketAcl answers, PutBucketAcl takes.
    const { Owner, Grants: answered } = await as('main').send(new GetBucketAclCommand({ Bucket }));
    await as('main').send(new PutBucketAclCommand({ Bucket, AccessControlPolicy: { Owner, Grants: answered } }));
    expect(await aclOf(Bucket)).toHaveLength(3);
  });

  test('READ lists, WRITE writes and deletes, and neither does the other’s', async () => {
    const reading = await bucket({ GrantRead: 'id=alt-id' });
    const writing = await bucket({ GrantWrite: 'id=alt-id' });
    const list = (Bucket: string) => as('alt').send(new ListObjectsV2Command({ Bucket }));
    await expect(list(reading)).resolves.toBeDefined();
    expect(await refusal(put('alt', reading, 'k'))).toMatchObject({ status: 403, message: 'Access Denied' });
    await expect(put('alt', writing, 'k')).resolves.toBeDefined();
    expect(await refusal(list(writing))).toMatchObject({ status: 403 });
    await expect(as('alt').send(new DeleteObjectCommand({ Bucket: writing, Key: 'k' }))).resolves.toBeDefined();
  });

  test('another account’s user needs its own account’s leave besides', async () => {
    const Bucket = await bucket({
      GrantRead: 'id=alt-id',
      GrantFullControl: 'uri="http://acs.amazonaws.com/groups/global/AuthenticatedUsers"',
    });
    await expect(as('altuser').send(new ListObjectsV2Command({ Bucket }))).resolves.toBeDefined();
    expect(await refusal(as('altidle').send(new ListObjectsV2Command({ Bucket })))).toMatchObject({ status: 403 });
  });

  test('the owner’s grant is no leave for the owner’s users', async () => {
    const Bucket = await bucket();
    await put('main', Bucket, 'k');
    expect(await refusal(get('idle', Bucket, 'k'))).toMatchObject({
      message: expect.stringContaining('because no identity-based policy allows the s3:GetObject action'),
    });
    await expect(get('clerk', Bucket, 'k')).resolves.toBeDefined();
  });

  test('an owner that took its grants out may still read and change the ACL, and delete', async () => {
    const Bucket = await bucket();
    await put('main', Bucket, 'k');
    await as('main').send(
      new PutBucketAclCommand({ Bucket, AccessControlPolicy: { Owner: { ID: MAIN }, Grants: [] } }),
    );
    expect(await aclOf(Bucket)).toEqual([]);
    await expect(get('main', Bucket, 'k')).resolves.toBeDefined();
    expect(await refusal(put('main', Bucket, 'l'))).toMatchObject({ status: 403 });
    await expect(as('main').send(new DeleteObjectCommand({ Bucket, Key: 'k' }))).resolves.toBeDefined();
    await as('main').send(new PutBucketAclCommand({ Bucket, ACL: 'private' }));
    await expect(put('main', Bucket, 'l')).resolves.toBeDefined();
  });

  test('anonymous callers read, write and delete what is public, and learn what is missing where they may list', async () => {
    const Bucket = await bucket({ ACL: 'public-read-write' });
    await put('main', Bucket, 'private');
    await put('main', Bucket, 'public', { ACL: 'public-read' });
    const { anonymous } = server;
    expect(await anonymous('GET', `/${Bucket}/public`)).toMatchObject({ status: 200, text: 'public' });
    expect(await anonymous('GET', `/${Bucket}/private`)).toMatchObject({ status: 403 });
    expect(await anonymous('GET', `/${Bucket}/missing`)).toMatchObject({ status: 404 });
    expect(await anonymous('GET', `/${Bucket}`)).toMatchObject({ status: 200 });
    expect(await anonymous('GET', `/${Bucket}?acl`)).toMatchObject({ status: 403 });
    expect(await anonymous('PUT', `/${Bucket}/new`, { body: 'x' })).toMatchObject({ status: 200 });
    expect(await anonymous('DELETE', `/${Bucket}/public`)).toMatchObject({ status: 204 });
    const closed = await bucket();
    await put('main', closed, 'public', { ACL: 'public-read' });
    expect(await anonymous('GET', `/${closed}/missing`)).toMatchObject({ status: 403 });
    expect(await anonymous('GET', `/${closed}/public`)).toMatchObject({ status: 200 });
  });

  test('an anonymous caller never gets a KMS key', async () => {
    const Bucket = await bucket({ ACL: 'public-read-write' });
    await put('main', Bucket, 'k', { ACL: 'public-read', ServerSideEncryption: 'aws:kms' });
    const text = expect.stringContaining('require AWS Signature Version 4.</Message><ArgumentName>Authorization<');
    expect(await server.anonymous('GET', `/${Bucket}/k`)).toMatchObject({ status: 400, text });
    const headers = { 'x-amz-server-side-encryption': 'aws:kms' };
    expect(await server.anonymous('PUT', `/${Bucket}/n`, { body: 'x', headers })).toMatchObject({ status: 400, text });
  });
});

describe('object ACLs', () => {
  test('of each version, by canned ACL, headers and body', async () => {
    const Bucket = await bucket();
    await as('main').send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
    const first = await put('main', Bucket, 'k', { GrantRead: 'id=alt-id' });
    const second = await put('main', Bucket, 'k');
    expect(await objectAclOf(Bucket, 'k')).toEqual([`${MAIN} FULL_CONTROL`]);
    const of = { Bucket, Key: 'k', VersionId: first.VersionId };
    expect(short((await as('main').send(new GetObjectAclCommand(of))).Grants)).toEqual(['alt-id READ']);
    await expect(as('alt').send(new GetObjectCommand(of))).resolves.toMatchObject({ VersionId: first.VersionId });
    expect(await refusal(get('alt', Bucket, 'k'))).toMatchObject({ status: 403 });
    await as('main').send(new PutObjectAclCommand({ ...of, ACL: 'private' }));
    expect(await refusal(as('alt').send(new GetObjectCommand(of)))).toMatchObject({ status: 403 });
    await as('main').send(new PutObjectAclCommand({ Bucket, Key: 'k', ACL: 'public-read' }));
    const now = await as('main').send(new HeadObjectCommand({ Bucket, Key: 'k' }));
    expect([now.VersionId, now.ETag]).toEqual([second.VersionId, second.ETag]);
    expect(await server.anonymous('GET', `/${Bucket}/k`)).toMatchObject({ status: 200, text: 'k' });
  });

  test('READ_ACP and WRITE_ACP are granted apart', async () => {
    const Bucket = await bucket();
    await put('main', Bucket, 'r', { GrantReadACP: 'id=alt-id' });
    await put('main', Bucket, 'w', { GrantWriteACP: 'id=alt-id' });
    const change = (Key: string) => as('alt').send(new PutObjectAclCommand({ Bucket, Key, ACL: 'public-read' }));
    await expect(objectAclOf(Bucket, 'r', 'alt')).resolves.toBeDefined();
    expect(await refusal(objectAclOf(Bucket, 'w', 'alt'))).toMatchObject({ status: 403 });
    await expect(change('w')).resolves.toBeDefined();
    expect(await refusal(change('r'))).toMatchObject({ status: 403 });
    // The owner stays who it was.
    expect(await objectAclOf(Bucket, 'w')).toEqual([`${MAIN} FULL_CONTROL`, 'AllUsers READ']);
  });

  test('a copy and a multipart object have the ACL that was asked for, not their source’s', async () => {
    const Bucket = await bucket();
    await put('main', Bucket, 'source', { ACL: 'public-read' });
    const copy = (Key: string, more = {}) =>
      as('main').send(new CopyObjectCommand({ Bucket, Key, CopySource: `${Bucket}/source`, ...more }));
    await copy('copy');
    await copy('public', { ACL: 'authenticated-read' });
    expect(await objectAclOf(Bucket, 'copy')).toEqual([`${MAIN} FULL_CONTROL`]);
    expect(await objectAclOf(Bucket, 'public')).toEqual([`${MAIN} FULL_CONTROL`, 'AuthenticatedUsers READ']);
    const of = { Bucket, Key: 'multi' };
    const { UploadId } = await as('main').send(new CreateMultipartUploadCommand({ ...of, ACL: 'public-read' }));
    const part = await as('main').send(new UploadPartCommand({ ...of, UploadId, PartNumber: 1, Body: 'part' }));
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag: part.ETag }] };
    await as('main').send(new CompleteMultipartUploadCommand({ ...of, UploadId, MultipartUpload }));
    expect(await objectAclOf(Bucket, 'multi')).toEqual([`${MAIN} FULL_CONTROL`, 'AllUsers READ']);
  });

  test('the source of a copy is authorised by its own ACL', async () => {
    const source = await bucket();
    const target = await bucket({ ACL: 'public-read-write' });
    await put('main', source, 'open', { GrantRead: 'id=alt-id' });
    await put('main', source, 'closed');
    const copy = (Key: string) =>
      as('alt').send(new CopyObjectCommand({ Bucket: target, Key, CopySource: `${source}/${Key}` }));
    await expect(copy('open')).resolves.toBeDefined();
    expect(await refusal(copy('closed'))).toMatchObject({ status: 403 });
    expect(await refusal(copy('missing'))).toMatchObject({ status: 403 });
  });

  test('of delete markers there are none', async () => {
    const Bucket = await bucket();
    await as('main').send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
    await put('main', Bucket, 'k');
    const { VersionId } = await as('main').send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
    const of = { Bucket, Key: 'k' };
    const code = async (command: GetObjectAclCommand | PutObjectAclCommand) =>
      (await refusal(as('main').send(command as GetObjectAclCommand))).code;
    expect(await code(new GetObjectAclCommand(of))).toBe('NoSuchKey');
    expect(await code(new GetObjectAclCommand({ ...of, VersionId }))).toBe('MethodNotAllowed');
    expect(await code(new PutObjectAclCommand({ ...of, ACL: 'private' }))).toBe('MethodNotAllowed');
    expect(await code(new PutObjectAclCommand({ ...of, VersionId, ACL: 'private' }))).toBe('MethodNotAllowed');
    expect(await code(new PutObjectAclCommand({ ...of, VersionId: 'null', ACL: 'private' }))).toBe('NoSuchVersion');
  });
});

describe('what AWS refuses', () => {
  const owner = `<Owner><ID>${MAIN}</ID></Owner>`;
  const grant = (type: string, inner: string, permission = 'READ') =>
    `<AccessControlList><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="${type}">${inner}</Grantee><Permission>${permission}</Permission></Grant></AccessControlList>`;
  const acl = (inner: string) => `<AccessControlPolicy>${inner}</AccessControlPolicy>`;
  test.each([
    ['neither headers nor a body', {}, '', 'MissingSecurityHeader'],
    ['headers and a body', { 'x-amz-acl': 'private' }, acl(owner), 'UnexpectedContent'],
    ['no owner', {}, acl(grant('Group', `<URI>${ALL_USERS}</URI>`)), 'MalformedACLError'],
    ['no grants', {}, acl(owner), 'MalformedACLError'],
    ['no XML', {}, 'x', 'MalformedACLError'],
    ['another document', {}, '<Other/>', 'MalformedACLError'],
    ['an unknown permission', {}, acl(owner + grant('Group', `<URI>${ALL_USERS}</URI>`, 'ALL')), 'MalformedACLError'],
    ['an unknown kind of grantee', {}, acl(owner + grant('Robot', '<ID>alt-id</ID>')), 'MalformedACLError'],
    ['a grantee without its id', {}, acl(owner + grant('CanonicalUser', '')), 'MalformedACLError'],
    ['an owner that is nobody', {}, acl('<Owner><ID>wrong-id</ID></Owner><AccessControlList/>'), 'CanonicalUser/ID'],
    ['a grantee that is nobody', {}, acl(owner + grant('CanonicalUser', '<ID>wrong-id</ID>')), 'CanonicalUser/ID'],
    ['an unknown group', {}, acl(owner + grant('Group', '<URI>http://x</URI>')), 'Group/URI'],
    ['another owner', {}, acl('<Owner><ID>alt-id</ID></Owner><AccessControlList/>'), 'AccessDenied'],
    ['an unknown canned ACL', { 'x-amz-acl': 'fake-acl' }, '', '<ArgumentValue>fake-acl</ArgumentValue>'],
  ])('%s', async (_what, headers, body, expected) => {
    const Bucket = await bucket();
    await put('main', Bucket, 'k');
    for (const path of [`/${Bucket}`, `/${Bucket}/k`]) {
      const parts = { method: 'PUT', path, query: 'acl', headers: headers as Record<string, string>, body };
      const answer = await signedRequest(server.port, { ...parts, key: keyOf('main') });
      expect([answer.status, answer.text]).toEqual([expect.any(Number), expect.stringContaining(expected)]);
      expect(answer.status).toBe(expected === 'AccessDenied' ? 403 : 400);
    }
    expect(await aclOf(Bucket)).toEqual([`${MAIN} FULL_CONTROL`]);
  });
});

describe('ownership', () => {
  test('controls are put, read and removed', async () => {
    const Bucket = await bucket();
    const read = () => as('main').send(new GetBucketOwnershipControlsCommand({ Bucket }));
    expect(await refusal(read())).toMatchObject({ status: 404, code: 'OwnershipControlsNotFoundError' });
    for (const ObjectOwnership of ['BucketOwnerPreferred', 'ObjectWriter', 'BucketOwnerEnforced'] as const) {
      const OwnershipControls = { Rules: [{ ObjectOwnership }] };
      await as('main').send(new PutBucketOwnershipControlsCommand({ Bucket, OwnershipControls }));
      expect((await read()).OwnershipControls).toEqual(OwnershipControls);
    }
    await as('main').send(new DeleteBucketOwnershipControlsCommand({ Bucket }));
    await as('main').send(new DeleteBucketOwnershipControlsCommand({ Bucket }));
    expect(await refusal(read())).toMatchObject({ code: 'OwnershipControlsNotFoundError' });
    const made = await bucket({ ObjectOwnership: 'BucketOwnerPreferred' });
    const { OwnershipControls } = await as('main').send(new GetBucketOwnershipControlsCommand({ Bucket: made }));
    expect(OwnershipControls?.Rules).toEqual([{ ObjectOwnership: 'BucketOwnerPreferred' }]);
    expect(await refusal(bucket({ ObjectOwnership: 'RandomValue' as 'ObjectWriter' }))).toMatchObject({
      code: 'InvalidArgument',
      message: 'Invalid x-amz-object-ownership header: RandomValue',
    });
    for (const body of ['', '<Rule/>', '<Rule><ObjectOwnership>x</ObjectOwnership></Rule>']) {
      const answer = await signedRequest(server.port, {
        method: 'PUT',
        path: `/${Bucket}`,
        query: 'ownershipControls',
        body: `<OwnershipControls>${body}</OwnershipControls>`,
        key: keyOf('main'),
      });
      expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('MalformedXML')]);
    }
  });

  test('ObjectWriter: an object is its uploader’s, and the bucket’s owner can’t read it but delete it', async () => {
    const Bucket = await bucket({ ACL: 'public-read-write' });
    await put('alt', Bucket, 'alts');
    await put('alt', Bucket, 'shared', { ACL: 'bucket-owner-read' });
    expect(await refusal(get('main', Bucket, 'alts'))).toMatchObject({ status: 403 });
    expect(await refusal(get('clerk', Bucket, 'alts'))).toMatchObject({ status: 403 });
    await expect(get('alt', Bucket, 'alts')).resolves.toBeDefined();
    await expect(get('altuser', Bucket, 'alts')).resolves.toBeDefined();
    expect(await refusal(get('altidle', Bucket, 'alts'))).toMatchObject({ status: 403 });
    await expect(get('main', Bucket, 'shared')).resolves.toBeDefined();
    expect(await refusal(objectAclOf(Bucket, 'shared'))).toMatchObject({ status: 403 });
    expect(await objectAclOf(Bucket, 'shared', 'alt')).toEqual(['alt-id FULL_CONTROL', `${MAIN} READ`]);
    const { Contents } = await as('main').send(new ListObjectsV2Command({ Bucket, FetchOwner: true }));
    expect(Contents?.map((one) => one.Owner?.ID)).toEqual(['alt-id', 'alt-id']);
    await expect(as('main').send(new DeleteObjectCommand({ Bucket, Key: 'alts' }))).resolves.toBeDefined();
  });

  test('BucketOwnerPreferred: bucket-owner-full-control hands the object over', async () => {
    const Bucket = await bucket({ ACL: 'public-read-write', ObjectOwnership: 'BucketOwnerPreferred' });
    await put('alt', Bucket, 'kept');
    await put('alt', Bucket, 'given', { ACL: 'bucket-owner-full-control' });
    expect(await refusal(get('main', Bucket, 'kept'))).toMatchObject({ status: 403 });
    await expect(get('main', Bucket, 'given')).resolves.toBeDefined();
    expect(await objectAclOf(Bucket, 'given')).toEqual([`${MAIN} FULL_CONTROL`]);
    expect(await refusal(get('alt', Bucket, 'given'))).toMatchObject({ status: 403 });
  });

  test('BucketOwnerEnforced: ACLs count no more, and are refused', async () => {
    const Bucket = await bucket({ ACL: 'public-read-write' });
    await put('alt', Bucket, 'alts');
    await put('main', Bucket, 'public', { ACL: 'public-read' });
    const enforce = () =>
      as('main').send(
        new PutBucketOwnershipControlsCommand({
          Bucket,
          OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
        }),
      );
    expect(await refusal(enforce())).toMatchObject({ status: 400, code: 'InvalidBucketAclWithObjectOwnership' });
    await as('main').send(new PutBucketAclCommand({ Bucket, ACL: 'private' }));
    await enforce();
    await expect(get('main', Bucket, 'alts')).resolves.toBeDefined();
    expect(await refusal(get('alt', Bucket, 'alts'))).toMatchObject({ status: 403 });
    expect(await server.anonymous('GET', `/${Bucket}/public`)).toMatchObject({ status: 403 });
    expect(await objectAclOf(Bucket, 'public')).toEqual([`${MAIN} FULL_CONTROL`]);
    const unsupported = {
      status: 400,
      code: 'AccessControlListNotSupported',
      message: 'The bucket does not allow ACLs',
    };
    expect(await refusal(put('main', Bucket, 'k', { ACL: 'public-read' }))).toEqual(unsupported);
    expect(await refusal(put('main', Bucket, 'k', { GrantRead: 'id=alt-id' }))).toEqual(unsupported);
    expect(await refusal(as('main').send(new PutBucketAclCommand({ Bucket, ACL: 'private' })))).toEqual(unsupported);
    expect(await refusal(as('main').send(new PutObjectAclCommand({ Bucket, Key: 'public', ACL: 'private' })))).toEqual(
      unsupported,
    );
    await expect(put('main', Bucket, 'k', { ACL: 'bucket-owner-full-control' })).resolves.toBeDefined();
    await expect(put('main', Bucket, 'k', { GrantFullControl: `id="${MAIN}"` })).resolves.toBeDefined();
    expect(await refusal(bucket({ ObjectOwnership: 'BucketOwnerEnforced', ACL: 'public-read' }))).toMatchObject({
      code: 'InvalidBucketAclWithObjectOwnership',
    });
  });
});
