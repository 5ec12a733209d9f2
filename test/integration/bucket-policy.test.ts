import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteBucketPolicyCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketPolicyCommand,
  GetBucketPolicyStatusCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AccountsServer, keyOf, startWithAccounts } from '../support/accounts.js';
import { customerKey } from '../support/customer-key.js';
import { refusal } from '../support/s3-error.js';
import { signedRequest } from '../support/signed-request.js';

let server: AccountsServer;
let serial = 0;
type Statement = Record<string, unknown>;
const onlySealed = {
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Action: 's3:PutObject',
      Resource: '*',
      Condition: { StringEquals: { 's3:x-amz-server-side-encryption': 'aws:kms:dsse' } },
    },
    { Effect: 'Allow', Action: 'kms:*', Resource: '*' },
  ],
};
const allowAll = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }] };

beforeAll(async () => {
  server = await startWithAccounts([
    {
      accountId: '111111111111',
      name: 'main',
      users: [
        { userName: 'clerk', policies: [allowAll] },
        { userName: 'idle' },
        { userName: 'sealer', policies: [onlySealed] },
      ],
    },
    {
      accountId: '222222222222',
      name: 'alt',
      users: [{ userName: 'altidle' }, { userName: 'altuser', policies: [allowAll] }],
    },
  ]);
});
afterAll(() => server?.close());

const as = (name: string) => server.as(name);
const text = (...statements: Statement[]) => JSON.stringify({ Version: '2012-10-17', Statement: statements });
const setPolicy = (Bucket: string, ...statements: Statement[]) =>
  as('main').send(new PutBucketPolicyCommand({ Bucket, Policy: text(...statements) }));
const arns = (Bucket: string) => [`arn:aws:s3:::${Bucket}`, `arn:aws:s3:::${Bucket}/*`];

async function bucket(statements: (Bucket: string) => Statement[] = () => []): Promise<string> {
  const Bucket = `policy-${++serial}`;
  await as('main').send(new CreateBucketCommand({ Bucket }));
  const all = statements(Bucket);
  if (all.length > 0) await setPolicy(Bucket, ...all);
  return Bucket;
}
const put = (who: string, Bucket: string, Key: string, more: object = {}) =>
  as(who).send(new PutObjectCommand({ Bucket, Key, Body: Key, ...more }));
const get = (who: string, Bucket: string, Key: string) => as(who).send(new GetObjectCommand({ Bucket, Key }));
const denied = { status: 403, code: 'AccessDenied' };

describe('a policy is put, read and removed', () => {
  test('as it was written, to the byte', async () => {
    const Bucket = await bucket();
    const read = () => as('main').send(new GetBucketPolicyCommand({ Bucket }));
    expect(await refusal(read())).toEqual({
      status: 404,
      code: 'NoSuchBucketPolicy',
      message: 'The bucket policy does not exist',
    });
    expect(await refusal(as('main').send(new GetBucketPolicyStatusCommand({ Bucket })))).toMatchObject({ status: 404 });
    for (const Sid of ['einsß', 'two']) {
      const Policy = `{ "Statement" : ${JSON.stringify([{ Sid: Sid.replace('ß', ''), Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${Bucket}/${Sid}` }])}\n}`;
      const { $metadata } = await as('main').send(new PutBucketPolicyCommand({ Bucket, Policy }));
      expect([$metadata.httpStatusCode, (await read()).Policy]).toEqual([204, Policy]);
    }
    const { PolicyStatus } = await as('main').send(new GetBucketPolicyStatusCommand({ Bucket }));
    expect(PolicyStatus).toEqual({ IsPublic: true });
    for (let i = 0; i < 2; i++) await as('main').send(new DeleteBucketPolicyCommand({ Bucket }));
    expect(await refusal(read())).toMatchObject({ status: 404 });
  });

  test('it goes with its bucket', async () => {
    const Bucket = await bucket((b) => [
      { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${b}/*` },
    ]);
    await as('main').send(new DeleteBucketCommand({ Bucket }));
    await as('alt').send(new CreateBucketCommand({ Bucket }));
    await put('alt', Bucket, 'k');
    expect(await refusal(as('alt').send(new GetBucketPolicyCommand({ Bucket })))).toMatchObject({ status: 404 });
    expect(await server.anonymous('GET', `/${Bucket}/k`)).toMatchObject({ status: 403 });
  });

  test.each([
    ['', "Policies must be valid JSON and the first byte must be '{'"],
    ['invalid', "Policies must be valid JSON and the first byte must be '{'"],
    ['{}', 'Missing required field Statement'],
    [
      text({ Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: 'arn:aws:s3:::another/*' }),
      'Policy has invalid resource',
    ],
    [`{"Id":"${'x'.repeat(20_500)}","Statement":[]}`, 'Policy exceeds the maximum allowed document size.'],
  ])('%.20s… is malformed', async (body, message) => {
    const Bucket = await bucket();
    const answer = await signedRequest(server.port, {
      method: 'PUT',
      path: `/${Bucket}`,
      query: 'policy',
      body,
      key: keyOf('main'),
    });
    const escaped = message.replaceAll("'", '.');
    expect(answer.status).toBe(400);
    expect(answer.text).toMatch(new RegExp(`<Code>MalformedPolicy</Code><Message>${escaped}</Message>`));
  });

  test('other accounts get no bucket policies, even where the policy allows it', async () => {
    const Bucket = await bucket((b) => [{ Effect: 'Allow', Principal: '*', Action: 's3:*', Resource: arns(b) }]);
    const asked = [
      new GetBucketPolicyCommand({ Bucket }),
      new PutBucketPolicyCommand({ Bucket, Policy: text() }),
      new DeleteBucketPolicyCommand({ Bucket }),
    ];
    for (const command of asked) {
      expect(await refusal(as('alt').send(command as GetBucketPolicyCommand))).toMatchObject({
        status: 405,
        code: 'MethodNotAllowed',
      });
    }
    expect(await server.anonymous('GET', `/${Bucket}?policy`)).toMatchObject({ status: 405 });
  });
});

describe('who is let in', () => {
  test('another account’s root by name, its users only with leave of their own', async () => {
    const Bucket = await bucket((b) => [
      {
        Effect: 'Allow',
        Principal: { AWS: 'arn:aws:iam::222222222222:root' },
        Action: ['s3:ListBucket', 's3:GetObject', 's3:PutObject'],
        Resource: arns(b),
      },
    ]);
    await put('main', Bucket, 'k');
    await expect(get('alt', Bucket, 'k')).resolves.toBeDefined();
    await expect(get('altuser', Bucket, 'k')).resolves.toBeDefined();
    expect(await refusal(get('altidle', Bucket, 'k'))).toMatchObject(denied);
    expect(await refusal(as('alt').send(new DeleteObjectCommand({ Bucket, Key: 'k' })))).toEqual({
      ...denied,
      message: 'Access Denied',
    });
    await expect(as('alt').send(new HeadBucketCommand({ Bucket }))).resolves.toBeDefined();
    // What the other account writes is its own, and the bucket's policy doesn't open it.
    await put('alt', Bucket, 'alts');
    expect(await refusal(get('main', Bucket, 'alts'))).toMatchObject(denied);
  });

  test('a user of the own account without any identity policy', async () => {
    const Bucket = await bucket((b) => [
      {
        Effect: 'Allow',
        Principal: { AWS: 'arn:aws:iam::111111111111:user/idle' },
        Action: 's3:GetObject',
        Resource: `arn:aws:s3:::${b}/*`,
      },
    ]);
    await put('main', Bucket, 'k');
    await expect(get('idle', Bucket, 'k')).resolves.toBeDefined();
    expect(await refusal(put('idle', Bucket, 'k'))).toMatchObject(denied);
    // Without s3:ListBucket nobody learns that a key is missing.
    expect(await refusal(get('idle', Bucket, 'missing'))).toMatchObject(denied);
  });

  test('anonymous callers, where everybody is', async () => {
    const Bucket = await bucket((b) => [
      { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${b}/public/*` },
      { Effect: 'Allow', Principal: { AWS: '*' }, Action: 's3:PutObject', Resource: `arn:aws:s3:::${b}/inbox/*` },
    ]);
    await put('main', Bucket, 'public/k');
    await put('main', Bucket, 'private/k');
    const { anonymous } = server;
    expect(await anonymous('GET', `/${Bucket}/public/k`)).toMatchObject({ status: 200 });
    expect(await anonymous('GET', `/${Bucket}/private/k`)).toMatchObject({ status: 403 });
    expect(await anonymous('GET', `/${Bucket}/public/missing`)).toMatchObject({ status: 403 });
    expect(await anonymous('PUT', `/${Bucket}/inbox/x`, { body: 'x' })).toMatchObject({ status: 200 });
    expect(await anonymous('PUT', `/${Bucket}/public/x`, { body: 'x' })).toMatchObject({ status: 403 });
  });

  test('a changed policy counts from the next request on', async () => {
    const Bucket = await bucket();
    await put('main', Bucket, 'k');
    const open = { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${Bucket}/*` };
    for (let i = 0; i < 20; i++) {
      await setPolicy(Bucket, i % 2 === 0 ? open : { ...open, Effect: 'Deny' });
      expect(await server.anonymous('GET', `/${Bucket}/k`)).toMatchObject({ status: i % 2 === 0 ? 200 : 403 });
    }
  });

  test('DeleteObjects is decided key by key', async () => {
    const Bucket = await bucket((b) => [
      {
        Effect: 'Allow',
        Principal: { AWS: '222222222222' },
        Action: 's3:DeleteObject',
        Resource: `arn:aws:s3:::${b}/theirs/*`,
      },
    ]);
    await put('main', Bucket, 'theirs/k');
    await put('main', Bucket, 'ours/k');
    const Objects = [{ Key: 'theirs/k' }, { Key: 'ours/k' }];
    const answer = await as('alt').send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    expect(answer.Deleted).toEqual([{ Key: 'theirs/k' }]);
    expect(answer.Errors).toEqual([{ Key: 'ours/k', Code: 'AccessDenied', Message: 'Access Denied' }]);
  });
});

describe('who is shut out', () => {
  test('a denial binds the bucket’s owner, and says so', async () => {
    const Bucket = await bucket((b) => [{ Effect: 'Deny', Principal: '*', Action: 's3:*', Resource: arns(b) }]);
    const why = (who: string) => ({
      ...denied,
      message: `User: arn:aws:iam::111111111111:${who} is not authorized to perform: s3:ListBucket on resource: "arn:aws:s3:::${Bucket}" with an explicit deny in a resource-based policy`,
    });
    expect(await refusal(as('main').send(new ListObjectsV2Command({ Bucket })))).toEqual(why('root'));
    expect(await refusal(as('clerk').send(new ListObjectsV2Command({ Bucket })))).toEqual(why('user/clerk'));
    // But the account's root keeps the policy in its hands; its users don't.
    expect(await refusal(as('clerk').send(new DeleteBucketPolicyCommand({ Bucket })))).toMatchObject(denied);
    await expect(as('main').send(new GetBucketPolicyCommand({ Bucket }))).resolves.toBeDefined();
    await as('main').send(new DeleteBucketPolicyCommand({ Bucket }));
    await expect(as('main').send(new ListObjectsV2Command({ Bucket }))).resolves.toBeDefined();
  });

  test('root too, where its author confirmed that', async () => {
    const Bucket = await bucket();
    const actions = ['s3:GetBucketPolicy', 's3:PutBucketPolicy', 's3:DeleteBucketPolicy'];
    const Policy = text({ Effect: 'Deny', Principal: '*', Action: actions, Resource: `arn:aws:s3:::${Bucket}` });
    await as('main').send(new PutBucketPolicyCommand({ Bucket, Policy, ConfirmRemoveSelfBucketAccess: true }));
    expect(await refusal(as('main').send(new GetBucketPolicyCommand({ Bucket })))).toMatchObject(denied);
    expect(await refusal(as('main').send(new DeleteBucketPolicyCommand({ Bucket })))).toMatchObject(denied);
  });

  test('but not by one of the account’s users: root could never undo it', async () => {
    const Bucket = await bucket();
    const Policy = text({ Effect: 'Deny', Principal: '*', Action: 's3:*', Resource: arns(Bucket) });
    await as('clerk').send(new PutBucketPolicyCommand({ Bucket, Policy, ConfirmRemoveSelfBucketAccess: true }));
    expect(await refusal(as('clerk').send(new DeleteBucketPolicyCommand({ Bucket })))).toMatchObject(denied);
    expect(await refusal(as('main').send(new ListObjectsV2Command({ Bucket })))).toMatchObject(denied);
    await as('main').send(new DeleteBucketPolicyCommand({ Bucket }));
    await expect(as('main').send(new ListObjectsV2Command({ Bucket }))).resolves.toBeDefined();
  });
});

describe('conditions', () => {
  const deny = (Bucket: string, Condition: object, Action = 's3:PutObject') => [
    { Effect: 'Deny', Principal: '*', Action, Resource: `arn:aws:s3:::${Bucket}/*`, Condition },
  ];

  test('on encryption hold for the request as it was sent, before its headers are looked at', async () => {
    const header = 's3:x-amz-server-side-encryption';
    const Bucket = await bucket((b) => [
      ...deny(b, { StringNotEquals: { [header]: 'aws:kms' }, Null: { [header]: 'false' } }),
      ...deny(b, { Null: { [header]: 'true', [`${header}-customer-algorithm`]: 'true' } }),
    ]);
    expect(await refusal(put('main', Bucket, 'k'))).toMatchObject(denied);
    expect(await refusal(put('main', Bucket, 'k', { ServerSideEncryption: 'AES256' }))).toMatchObject(denied);
    await expect(put('main', Bucket, 'k', { ServerSideEncryption: 'aws:kms' })).resolves.toBeDefined();
    await expect(put('main', Bucket, 'k', customerKey())).resolves.toBeDefined();
    // An unknown algorithm is denied, not malformed; where nothing denies it, it is.
    expect(await refusal(put('main', Bucket, 'k', { ServerSideEncryption: 'rot13' }))).toMatchObject(denied);
    expect(await refusal(put('main', await bucket(), 'k', { ServerSideEncryption: 'rot13' }))).toMatchObject({
      code: 'InvalidArgument',
    });
    expect(await refusal(put('idle', await bucket(), 'k', { SSECustomerAlgorithm: 'rot13' }))).toMatchObject(denied);
  });

  test('never get at a customer’s key', async () => {
    const key = customerKey();
    const Bucket = await bucket((b) =>
      deny(b, { Null: { 's3:x-amz-server-side-encryption-customer-algorithm': 'true' } }),
    );
    await expect(put('main', Bucket, 'k', key)).resolves.toBeDefined();
    for (const name of ['customer-key', 'customer-key-MD5', 'customer-key-md5']) {
      const asking = deny(Bucket, { StringLike: { [`s3:x-amz-server-side-encryption-${name}`]: '*' } });
      expect(await refusal(setPolicy(Bucket, ...asking))).toMatchObject({ code: 'MalformedPolicy' });
    }
  });

  test.each([
    ['s3:x-amz-acl', { StringEquals: { 's3:x-amz-acl': 'public-read' } }, { ACL: 'public-read' }],
    [
      's3:x-amz-grant-read',
      { StringLike: { 's3:x-amz-grant-read': '*' } },
      { GrantRead: 'uri="http://acs.amazonaws.com/groups/global/AllUsers"' },
    ],
    [
      's3:x-amz-storage-class',
      { StringEquals: { 's3:x-amz-storage-class': 'GLACIER_IR' } },
      { StorageClass: 'GLACIER_IR' },
    ],
    ['s3:RequestObjectTag', { StringEquals: { 's3:RequestObjectTag/Secret': 'yes' } }, { Tagging: 'Secret=yes' }],
    [
      's3:RequestObjectTagKeys',
      { 'ForAnyValue:StringEquals': { 's3:RequestObjectTagKeys': 'b' } },
      { Tagging: 'a=1&b=2' },
    ],
    ['s3:if-none-match', { StringEquals: { 's3:if-none-match': '*' } }, { IfNoneMatch: '*' }],
  ])('%s', async (_name, condition, sent) => {
    const Bucket = await bucket((b) => deny(b, condition));
    await expect(put('main', Bucket, 'k')).resolves.toBeDefined();
    expect(await refusal(put('main', Bucket, 'l', sent))).toMatchObject(denied);
  });

  test.each([
    ['aws:SourceIp', { IpAddress: { 'aws:SourceIp': '127.0.0.0/8' } }, true],
    ['aws:SourceIp elsewhere', { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }, false],
    ['aws:SecureTransport', { Bool: { 'aws:SecureTransport': 'false' } }, true],
    ['aws:CurrentTime', { DateGreaterThan: { 'aws:CurrentTime': '2020-01-01T00:00:00Z' } }, true],
    ['aws:EpochTime', { NumericLessThan: { 'aws:EpochTime': '1000' } }, false],
    ['aws:UserAgent', { StringLike: { 'aws:UserAgent': '*aws-sdk-js*' } }, true],
    ['aws:PrincipalArn', { ArnEquals: { 'aws:PrincipalArn': 'arn:aws:iam::111111111111:root' } }, true],
    ['aws:username of a root', { StringLike: { 'aws:username': '*' } }, false],
    ['s3:signatureversion', { StringEquals: { 's3:signatureversion': 'AWS4-HMAC-SHA256' } }, true],
    ['s3:authType', { StringEquals: { 's3:authType': 'REST-HEADER' } }, true],
    ['s3:signatureAge', { NumericGreaterThan: { 's3:signatureAge': '600000' } }, false],
    ['s3:TlsVersion without TLS', { Null: { 's3:TlsVersion': 'true' } }, true],
    ['s3:ExistingObjectTag', { StringEquals: { 's3:ExistingObjectTag/Team': 'red' } }, true],
    ['s3:ExistingObjectTag of another value', { StringEquals: { 's3:ExistingObjectTag/Team': 'blue' } }, false],
    ['s3:ResourceAccount', { StringEquals: { 's3:ResourceAccount': '111111111111' } }, true],
  ])('%s', async (_name, condition, holds) => {
    const Bucket = await bucket((b) => deny(b, condition, 's3:GetObject'));
    await put('main', Bucket, 'k', { Tagging: 'Team=red' });
    const attempt = get('main', Bucket, 'k');
    if (holds) expect(await refusal(attempt)).toMatchObject(denied);
    else await expect(attempt).resolves.toBeDefined();
  });

  test('on prefix, delimiter and max-keys of a listing', async () => {
    const Bucket = await bucket((b) => [
      {
        Effect: 'Allow',
        Principal: { AWS: '222222222222' },
        Action: 's3:ListBucket',
        Resource: `arn:aws:s3:::${b}`,
        Condition: {
          StringLike: { 's3:prefix': 'theirs/*' },
          StringEquals: { 's3:delimiter': '/' },
          NumericLessThanEquals: { 's3:max-keys': '10' },
        },
      },
    ]);
    const list = (Prefix: string, Delimiter: string, MaxKeys: number) =>
      as('alt').send(new ListObjectsV2Command({ Bucket, Prefix, Delimiter, MaxKeys }));
    await expect(list('theirs/a', '/', 10)).resolves.toBeDefined();
    expect(await refusal(list('ours/', '/', 10))).toMatchObject(denied);
    expect(await refusal(list('theirs/', '|', 10))).toMatchObject(denied);
    expect(await refusal(list('theirs/', '/', 11))).toMatchObject(denied);
  });

  test('on the source of a copy, whose own policy decides too', async () => {
    const source = await bucket((b) => [
      {
        Effect: 'Allow',
        Principal: { AWS: '222222222222' },
        Action: 's3:GetObject',
        Resource: `arn:aws:s3:::${b}/a/*`,
      },
    ]);
    const target = await bucket((b) => [
      {
        Effect: 'Allow',
        Principal: { AWS: '222222222222' },
        Action: 's3:PutObject',
        Resource: `arn:aws:s3:::${b}/*`,
        Condition: {
          StringLike: { 's3:x-amz-copy-source': `${source}/*` },
          StringEquals: { 's3:x-amz-metadata-directive': 'COPY' },
        },
      },
    ]);
    for (const Key of ['a/k', 'b/k']) await put('main', source, Key);
    const copy = (Key: string, more: object = {}) =>
      as('alt').send(
        new CopyObjectCommand({
          Bucket: target,
          Key,
          CopySource: `/${source}/${Key}`,
          MetadataDirective: 'COPY',
          ...more,
        }),
      );
    await expect(copy('a/k')).resolves.toBeDefined();
    expect(await refusal(copy('b/k'))).toMatchObject(denied);
    expect(await refusal(copy('a/k', { MetadataDirective: 'REPLACE' }))).toMatchObject(denied);
    expect(await refusal(put('alt', target, 'k'))).toMatchObject(denied);
  });

  test('a presigned URL says how it was signed', async () => {
    const Bucket = await bucket((b) =>
      deny(b, { StringEquals: { 's3:authType': 'REST-QUERY-STRING' } }, 's3:GetObject'),
    );
    await put('main', Bucket, 'k');
    const url = await getSignedUrl(as('main'), new GetObjectCommand({ Bucket, Key: 'k' }));
    expect((await fetch(url)).status).toBe(403);
    await expect(get('main', Bucket, 'k')).resolves.toBeDefined();
  });
});

describe('what a policy demands of an upload it sees at every part and at the end', () => {
  const customer = customerKey();
  const tag = { 's3:RequestObjectTag/team': 'red' };
  const lock = {
    ObjectLockMode: 'GOVERNANCE' as const,
    ObjectLockRetainUntilDate: new Date(Date.now() + 30 * 86_400_000),
  };
  const without = (key: string, value: string) => ({ StringNotEquals: { [`s3:${key}`]: value } });
  const absent = (key: string) => ({ Null: { [`s3:${key}`]: 'true' } });
  test.each<[string, object, object, object]>([
    ['encryption', without('x-amz-server-side-encryption', 'aws:kms'), { ServerSideEncryption: 'aws:kms' }, {}],
    ['encryption, whichever', absent('x-amz-server-side-encryption'), { ServerSideEncryption: 'AES256' }, {}],
    ['a customer’s key', absent('x-amz-server-side-encryption-customer-algorithm'), customer, customer],
    ['an ACL', without('x-amz-acl', 'bucket-owner-full-control'), { ACL: 'bucket-owner-full-control' }, {}],
    [
      'grants',
      absent('x-amz-grant-read'),
      { GrantRead: 'uri="http://acs.amazonaws.com/groups/global/AuthenticatedUsers"' },
      {},
    ],
    ['a storage class', without('x-amz-storage-class', 'STANDARD_IA'), { StorageClass: 'STANDARD_IA' }, {}],
    ['a tag', { StringNotEquals: tag }, { Tagging: 'team=red' }, {}],
    [
      'keys of tags',
      { 'ForAllValues:StringNotEquals': { 's3:RequestObjectTagKeys': ['team'] } },
      { Tagging: 'team=red' },
      {},
    ],
    ['a redirect', absent('x-amz-website-redirect-location'), { WebsiteRedirectLocation: '/x' }, {}],
    ['a lock', without('object-lock-mode', 'GOVERNANCE'), lock, {}],
    ['time left', { NumericLessThanIfExists: { 's3:object-lock-remaining-retention-days': '29' } }, lock, {}],
  ])('%s', async (_, Condition, input, key) => {
    const Bucket = `policy-${++serial}`;
    await as('main').send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }));
    await put('main', Bucket, 'source');
    const Resource = `arn:aws:s3:::${Bucket}/*`;
    await setPolicy(Bucket, { Effect: 'Deny', Principal: '*', Action: 's3:PutObject', Resource, Condition });
    const upload = { Bucket, Key: 'k' };
    const client = as('clerk');
    expect(await refusal(client.send(new CreateMultipartUploadCommand(upload)))).toMatchObject(denied);
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...upload, ...input }));
    const part = { ...upload, ...key, UploadId };
    const { ETag } = await client.send(new UploadPartCommand({ ...part, PartNumber: 1, Body: Buffer.alloc(5 << 20) }));
    const copy = { ...part, PartNumber: 2, CopySource: `${Bucket}/source` };
    const copied = await client.send(new UploadPartCopyCommand(copy));
    const MultipartUpload = {
      Parts: [
        { PartNumber: 1, ETag },
        { PartNumber: 2, ETag: copied.CopyPartResult!.ETag },
      ],
    };
    const complete = () => client.send(new CompleteMultipartUploadCommand({ ...part, MultipartUpload }));
    const { ETag: whole } = await complete();
    // The first answer got lost: the client asks again, and nothing is left of the upload.
    expect((await complete()).ETag).toBe(whole);
    expect(await refusal(put('clerk', Bucket, 'k'))).toMatchObject(denied);
  });

  test('an identity policy, too', async () => {
    const upload = { Bucket: await bucket(), Key: 'k' };
    const client = as('sealer');
    expect(await refusal(client.send(new CreateMultipartUploadCommand(upload)))).toMatchObject(denied);
    const sealed = { ...upload, ServerSideEncryption: 'aws:kms:dsse' as const };
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(sealed));
    const { ETag } = await client.send(new UploadPartCommand({ ...upload, UploadId, PartNumber: 1, Body: 'x' }));
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    await client.send(new CompleteMultipartUploadCommand({ ...upload, UploadId, MultipartUpload }));
    const plain = await as('main').send(new CreateMultipartUploadCommand(upload));
    const part = { ...upload, UploadId: plain.UploadId, PartNumber: 1, Body: 'x' };
    expect(await refusal(client.send(new UploadPartCommand(part)))).toMatchObject(denied);
  });

  test('and not what a part says by itself: an upload that was begun before the policy goes no further', async () => {
    const Bucket = await bucket();
    const upload = { Bucket, Key: 'k' };
    const { UploadId } = await as('clerk').send(new CreateMultipartUploadCommand({ ...upload, ACL: 'private' }));
    await setPolicy(Bucket, {
      Effect: 'Deny',
      Principal: '*',
      Action: 's3:PutObject',
      Resource: `arn:aws:s3:::${Bucket}/*`,
      Condition: { StringNotEquals: { 's3:x-amz-acl': 'bucket-owner-full-control' } },
    });
    const part = (method: string, query: string, body: string) =>
      signedRequest(server.port, {
        method,
        path: `/${Bucket}/k`,
        query,
        headers: { 'x-amz-acl': 'bucket-owner-full-control' },
        body,
        key: keyOf('clerk'),
      });
    expect((await part('PUT', `partNumber=1&uploadId=${UploadId}`, 'x')).status).toBe(403);
    const listed =
      '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>';
    expect((await part('POST', `uploadId=${UploadId}`, listed)).status).toBe(403);
  });
});
