// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policies have variables
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateKeyCommand, DecryptCommand, EncryptCommand, KMSClient, ListKeysCommand } from '@aws-sdk/client-kms';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { refusal } from '../support/s3-error.js';
import { startServer, type TestServer } from '../support/server.js';

let server: TestServer;
let dir: string;
const key = (name: string) => ({
  accessKeyId: `AKIA${name.toUpperCase().padEnd(16, 'X')}`,
  secretAccessKey: `secret-of-${name}-0123456789`,
});
const config = (name: string) => ({
  endpoint: server.url,
  region: 'us-east-1',
  credentials: key(name),
  maxAttempts: 1,
});
const s3 = (name: string) => new S3Client({ ...config(name), forcePathStyle: true });
const kms = (name: string) => new KMSClient(config(name));

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'coffer-identity-'));
  const file = join(dir, 'accounts.json');
  const allow = (Action: unknown, Resource: unknown) => ({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action, Resource }],
  });
  const accounts = [
    {
      accountId: '111111111111',
      name: 'main',
      canonicalUserId: 'canonical-main',
      accessKeys: [key('main')],
      users: [
        {
          userName: 'reader',
          accessKeys: [key('reader')],
          policies: [allow(['s3:GetObject'], 'arn:aws:s3:::shared/public/*')],
        },
        {
          userName: 'writer',
          accessKeys: [key('writer')],
          policies: [
            {
              Version: '2012-10-17',
              Statement: [
                { Effect: 'Allow', NotAction: 'kms:*', NotResource: 'arn:aws:s3:::shared/locked/*' },
                { Effect: 'Deny', Action: 's3:Delete*', Resource: '*' },
              ],
            },
          ],
        },
        {
          userName: 'homey',
          accessKeys: [key('homey')],
          policies: [
            {
              Version: '2012-10-17',
              Statement: [
                {
                  ...{ Effect: 'Allow', Action: ['s3:PutObject', 's3:GetObject'] },
                  Resource: 'arn:aws:s3:::shared/home/${aws:username}/*',
                  Condition: { IpAddress: { 'aws:SourceIp': ['127.0.0.0/8', '::1'] } },
                },
                {
                  ...{ Effect: 'Deny', Action: 's3:GetObject', Resource: 'arn:aws:s3:::shared/home/*/tls/*' },
                  Condition: { Bool: { 'aws:SecureTransport': false } },
                },
              ],
            },
          ],
        },
        { userName: 'nobody', accessKeys: [key('nobody')] },
        ...(
          [
            ['homeland', { StringNotEquals: { 'aws:RequestedRegion': 'us-east-1' } }],
            ['ownonly', { StringNotEquals: { 'aws:ResourceAccount': '111111111111' } }],
            ['abroad', { StringEquals: { 'aws:RequestedRegion': 'us-east-1' } }],
            ['elsewhere', { StringEquals: { 'aws:ResourceAccount': '111111111111' } }],
          ] as const
        ).map(([userName, Condition]) => ({
          userName,
          accessKeys: [key(userName)],
          policies: [
            allow(['s3:*', 'kms:*'], '*'),
            { Version: '2012-10-17', Statement: { Effect: 'Deny', Action: 'kms:*', Resource: '*', Condition } },
          ],
        })),
      ],
    },
    { accountId: '222222222222', name: 'other', accessKeys: [key('other')] },
  ];
  await writeFile(file, JSON.stringify({ accounts }));
  server = await startServer({
    env: { COFFER_ACCESS_KEY_ID: '', COFFER_SECRET_ACCESS_KEY: '', COFFER_ACCOUNTS_FILE: file },
  });
  await s3('main').send(new CreateBucketCommand({ Bucket: 'shared' }));
  for (const Key of ['public/a', 'private/a', 'locked/a']) {
    await s3('main').send(new PutObjectCommand({ Bucket: 'shared', Key, Body: Key }));
  }
});
afterAll(async () => {
  await server?.close();
  await rm(dir, { recursive: true, force: true });
});

const get = (name: string, Key: string) => s3(name).send(new GetObjectCommand({ Bucket: 'shared', Key }));

test('GetCallerIdentity tells who asks', async () => {
  const sts = (name: string) => new STSClient(config(name)).send(new GetCallerIdentityCommand({}));
  expect(await sts('main')).toMatchObject({
    Account: '111111111111',
    Arn: 'arn:aws:iam::111111111111:root',
    UserId: '111111111111',
  });
  expect((await sts('reader')).Arn).toBe('arn:aws:iam::111111111111:user/reader');
});

test('identity policies allow what they name and nothing else', async () => {
  await expect(get('reader', 'public/a')).resolves.toBeDefined();
  expect(await refusal(get('reader', 'private/a'))).toEqual({
    status: 403,
    code: 'AccessDenied',
    message:
      'User: arn:aws:iam::111111111111:user/reader is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::shared/private/a" because no identity-based policy allows the s3:GetObject action',
  });
  expect(await refusal(s3('nobody').send(new ListBucketsCommand({})))).toMatchObject({ status: 403 });
});

test('conditions and policy variables are evaluated', async () => {
  const put = (Key: string) => s3('homey').send(new PutObjectCommand({ Bucket: 'shared', Key, Body: Key }));
  await put('home/homey/a');
  await put('home/homey/tls/a');
  await expect(get('homey', 'home/homey/a')).resolves.toBeDefined();
  for (const Key of ['home/reader/a', 'home/*/a', 'home/${aws:username}/a']) {
    expect((await refusal(put(Key))).message).toContain(
      'because no identity-based policy allows the s3:PutObject action',
    );
  }
  expect((await refusal(get('homey', 'home/homey/tls/a'))).message).toContain(
    'with an explicit deny in an identity-based policy',
  );
});

test('NotAction, NotResource and an explicit deny are evaluated', async () => {
  await expect(get('writer', 'private/a')).resolves.toBeDefined();
  expect(await refusal(get('writer', 'locked/a'))).toMatchObject({ status: 403 });
  const removal = s3('writer').send(new DeleteObjectCommand({ Bucket: 'shared', Key: 'private/a' }));
  expect(await refusal(removal)).toMatchObject({
    message: expect.stringContaining('with an explicit deny in an identity-based policy'),
  });
  expect(await refusal(kms('writer').send(new ListKeysCommand({})))).toMatchObject({ code: 'AccessDeniedException' });
});

test('a missing key is 403 for who may not list, 404 for who may', async () => {
  expect(await refusal(get('reader', 'public/missing'))).toMatchObject({ status: 403 });
  expect(await refusal(get('writer', 'public/missing'))).toMatchObject({ status: 404 });
});

test('nobody reaches another account’s buckets or keys', async () => {
  expect(await refusal(get('other', 'public/a'))).toMatchObject({ status: 403, code: 'AccessDenied' });
  expect(await refusal(s3('other').send(new ListObjectsV2Command({ Bucket: 'shared' })))).toMatchObject({
    status: 403,
  });
  expect(await refusal(s3('other').send(new CreateBucketCommand({ Bucket: 'shared' })))).toMatchObject({
    code: 'BucketAlreadyExists',
  });
  expect((await s3('other').send(new ListBucketsCommand({}))).Buckets ?? []).toEqual([]);
  const { KeyMetadata } = await kms('main').send(new CreateKeyCommand({}));
  const KeyId = KeyMetadata!.Arn!;
  const sealed = await kms('main').send(new EncryptCommand({ KeyId, Plaintext: Buffer.from('x') }));
  expect(await refusal(kms('other').send(new EncryptCommand({ KeyId, Plaintext: Buffer.from('x') })))).toMatchObject({
    code: 'AccessDeniedException',
  });
  expect(
    await refusal(kms('other').send(new DecryptCommand({ CiphertextBlob: sealed.CiphertextBlob! }))),
  ).toMatchObject({
    code: 'AccessDeniedException',
  });
  expect(
    await refusal(kms('reader').send(new DecryptCommand({ CiphertextBlob: sealed.CiphertextBlob! }))),
  ).toMatchObject({
    code: 'AccessDeniedException',
  });
});

test('a user needs rights on the KMS key for an SSE-KMS object, but for the key that AWS manages for S3', async () => {
  const kms = new KMSClient(config('main'));
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  const put = (Key: string, SSEKMSKeyId?: string) =>
    s3('main').send(
      new PutObjectCommand({
        Bucket: 'shared',
        Key,
        Body: 'x',
        ServerSideEncryption: 'aws:kms',
        SSEKMSKeyId,
        BucketKeyEnabled: true,
      }),
    );
  await put('public/kms', KeyMetadata!.KeyId);
  await put('public/managed');
  await expect(get('main', 'public/kms')).resolves.toBeDefined();
  expect(await refusal(get('reader', 'public/kms'))).toMatchObject({ status: 403, code: 'AccessDenied' });
  // Whoever of the account may use S3 may use its key, through S3.
  await expect(get('reader', 'public/managed')).resolves.toBeDefined();
});

test.each([
  ['homeland', true],
  ['ownonly', true],
  ['abroad', false],
  ['elsewhere', false],
])('a guard of %s holds for KMS requests, its own and those of S3 for it', async (name, may) => {
  const { KeyMetadata } = await kms('main').send(new CreateKeyCommand({}));
  const KeyId = KeyMetadata!.KeyId!;
  const sse = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: KeyId } as const;
  const put = (BucketKeyEnabled: boolean, who: string) =>
    s3(who).send(new PutObjectCommand({ ...sse, Bucket: 'shared', Key: `guard/${name}`, Body: 'x', BucketKeyEnabled }));
  for (const BucketKeyEnabled of [false, true]) {
    const written = put(BucketKeyEnabled, name);
    if (may) await written;
    else expect(await refusal(written)).toMatchObject({ code: 'AccessDenied' });
    await put(BucketKeyEnabled, 'main');
    const read = get(name, `guard/${name}`);
    if (may) await read;
    else expect(await refusal(read)).toMatchObject({ code: 'AccessDenied' });
  }
  for (const command of [new EncryptCommand({ KeyId, Plaintext: Buffer.from('x') }), new ListKeysCommand({})]) {
    const asked = kms(name).send(command as EncryptCommand);
    if (may) await asked;
    else expect(await refusal(asked)).toMatchObject({ code: 'AccessDeniedException' });
  }
});

test('wrong keys, signatures and tokens are refused by AWS’s codes', async () => {
  const with_ = (credentials: object) =>
    new S3Client({ ...config('main'), forcePathStyle: true, credentials: { ...key('main'), ...credentials } });
  const head = (client: S3Client) => refusal(client.send(new GetObjectCommand({ Bucket: 'shared', Key: 'public/a' })));
  expect(await head(with_({ secretAccessKey: 'wrong-secret' }))).toMatchObject({
    status: 403,
    code: 'SignatureDoesNotMatch',
  });
  expect(await head(with_({ accessKeyId: 'AKIANOBODY' }))).toMatchObject({ status: 403, code: 'InvalidAccessKeyId' });
  expect(await head(with_({ sessionToken: 'somebody-elses' }))).toMatchObject({ status: 400, code: 'InvalidToken' });
  const elsewhere = new S3Client({ ...config('main'), forcePathStyle: true, region: 'eu-west-1' });
  expect(await head(elsewhere)).toMatchObject({
    status: 400,
    code: 'AuthorizationHeaderMalformed',
    message: "The authorization header is malformed; the region 'eu-west-1' is wrong; expecting 'us-east-1'",
  });
  const late = new S3Client({ ...config('main'), forcePathStyle: true, systemClockOffset: -20 * 60 * 1000 });
  expect(await head(late)).toMatchObject({ status: 403, code: 'RequestTimeTooSkewed' });
});

test('presigned URLs work until they expire, and only as they were signed', async () => {
  const command = new GetObjectCommand({ Bucket: 'shared', Key: 'public/a' });
  const url = await getSignedUrl(s3('main'), command, { expiresIn: 60 });
  expect(await (await fetch(url)).text()).toBe('public/a');
  for (const tampered of [
    url.replace('public/a', 'private/a'),
    url.replace('X-Amz-Expires=60', 'X-Amz-Expires=600'),
    `${url}&versionId=null`,
  ]) {
    const answer = await fetch(tampered);
    expect(answer.status).toBe(403);
    expect(await answer.text()).toContain('<Code>SignatureDoesNotMatch</Code>');
  }
  const signingDate = new Date(Date.now() - 3_600_000);
  const expired = await fetch(await getSignedUrl(s3('main'), command, { expiresIn: 60, signingDate }));
  expect(expired.status).toBe(403);
  expect(await expired.text()).toContain('<Message>Request has expired</Message>');
  const put = await getSignedUrl(s3('main'), new PutObjectCommand({ Bucket: 'shared', Key: 'public/put' }));
  expect((await fetch(put, { method: 'PUT', body: 'by url' })).status).toBe(200);
  await expect(s3('main').send(new HeadObjectCommand({ Bucket: 'shared', Key: 'public/put' }))).resolves.toBeDefined();
});
