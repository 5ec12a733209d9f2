import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  RenameObjectCommand,
  type RenameObjectCommandInput,
  type S3Client,
  UpdateObjectEncryptionCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { customerKey } from '../support/customer-key.js';
import { refusal } from '../support/s3-error.js';
import { startServer, type TestServer } from '../support/server.js';

const keys = {
  root: { accessKeyId: 'AKIAROOTROOTROOTROOT', secretAccessKey: 'root-secret-0123456789' },
  /** May do all in S3, and nothing with keys. */
  user: { accessKeyId: 'AKIAUSERUSERUSERUSER', secretAccessKey: 'user-secret-0123456789' },
  /** May rename nothing below `kept/`. */
  careful: { accessKeyId: 'AKIACAREFULCAREFUL00', secretAccessKey: 'careful-secret-01234567' },
};
let server: TestServer;
let dir: string;
let s3: S3Client;
let keyArn: string;
const Bucket = 'renamed';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'coffer-rename-'));
  const file = join(dir, 'accounts.json');
  const allow = { Effect: 'Allow', Action: 's3:*', Resource: '*' };
  const policy = (...Statement: object[]) => ({ Version: '2012-10-17', Statement });
  const kept = { Effect: 'Deny', Action: 's3:DeleteObject', Resource: `arn:aws:s3:::${Bucket}/kept/*` };
  const users = [
    { userName: 'user', accessKeys: [keys.user], policies: [policy(allow)] },
    { userName: 'careful', accessKeys: [keys.careful], policies: [policy(allow, kept)] },
  ];
  await writeFile(file, JSON.stringify({ accounts: [{ accountId: '111111111111', accessKeys: [keys.root], users }] }));
  server = await startServer({
    env: { COFFER_ACCESS_KEY_ID: '', COFFER_SECRET_ACCESS_KEY: '', COFFER_ACCOUNTS_FILE: file },
  });
  s3 = server.s3({ credentials: keys.root });
  await s3.send(new CreateBucketCommand({ Bucket }));
  const kms = new KMSClient({ endpoint: server.url, region: 'us-east-1', credentials: keys.root });
  keyArn = (await kms.send(new CreateKeyCommand({}))).KeyMetadata!.Arn!;
});
afterAll(async () => {
  await server?.close();
  await rm(dir, { recursive: true, force: true });
});

const put = (Key: string, extra: Partial<PutObjectCommandInput> = {}) =>
  s3.send(new PutObjectCommand({ Bucket, Key, Body: `body of ${Key}`, ...extra }));
const rename = (RenameSource: string, Key: string, extra: Partial<RenameObjectCommandInput> = {}, client = s3) =>
  client.send(new RenameObjectCommand({ Bucket, Key, RenameSource, ...extra }));
const read = async (Key: string, extra = {}) =>
  (await s3.send(new GetObjectCommand({ Bucket, Key, ...extra }))).Body!.transformToString();
const GONE = { status: 404, code: 'NoSuchKey' };
const FAILED = {
  status: 412,
  code: 'PreconditionFailed',
  message: 'At least one of the pre-conditions you specified did not hold',
};

const customer = customerKey();
const KINDS: [string, () => Partial<PutObjectCommandInput>, object][] = [
  ['SSE-S3', () => ({}), {}],
  ['SSE-C', () => customer, customer],
  ['SSE-KMS', () => ({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: keyArn }), {}],
  ['a bucket key', () => ({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: keyArn, BucketKeyEnabled: true }), {}],
  ['DSSE-KMS', () => ({ ServerSideEncryption: 'aws:kms:dsse', SSEKMSKeyId: keyArn }), {}],
];

describe.each(KINDS)('an object under %s', (name, encryption, readKey) => {
  test.each([10, 100_000])('of %d bytes keeps all but its name', async (bytes) => {
    const from = `${name}/${bytes} ü`;
    const to = `${from}/to`;
    const Body = 'x'.repeat(bytes);
    await put(from, { ...encryption(), Body, Metadata: { a: 'b' }, Tagging: 'k=v', ContentType: 'text/x-own' });
    await put(to);
    const look = (Key: string) => s3.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED', ...readKey }));
    const { $metadata: _, ...before } = await look(from);
    await rename(encodeURIComponent(from), to);
    const { $metadata: __, ...after } = await look(to);
    expect(after).toEqual(before);
    expect(await read(to, readKey)).toBe(Body);
    expect((await s3.send(new GetObjectTaggingCommand({ Bucket, Key: to }))).TagSet).toEqual([
      { Key: 'k', Value: 'v' },
    ]);
    expect(await refusal(read(from, readKey))).toMatchObject(GONE);
    // A renamed object is renamed, and written over, as any other.
    await rename(`/${Bucket}/${encodeURIComponent(to)}`, from);
    expect(await read(from, readKey)).toBe(Body);
    await put(from);
    expect(await read(from)).toBe(`body of ${from}`);
  });
});

describe('conditions', () => {
  test('on the source and on what would be replaced hold, or nothing happens', async () => {
    const { ETag } = await put('c/source');
    const target = await put('c/target');
    const past = new Date('2020-01-01T00:00:00Z');
    const future = new Date(Date.now() + 3_600_000);
    const failing: Partial<RenameObjectCommandInput>[] = [
      { DestinationIfNoneMatch: '*' },
      { DestinationIfMatch: '"other"' },
      { DestinationIfUnmodifiedSince: past },
      { SourceIfMatch: '"other"' },
      { SourceIfNoneMatch: '*' },
      { SourceIfNoneMatch: ETag! },
      { SourceIfUnmodifiedSince: past },
    ];
    for (const one of failing) expect(await refusal(rename('c/source', 'c/target', one))).toEqual(FAILED);
    expect(failing).toHaveLength(7);
    expect(await refusal(rename('c/source', 'c/none', { DestinationIfMatch: '"x"' }))).toEqual(FAILED);
    expect(await refusal(rename('c/source', 'c/none', { DestinationIfModifiedSince: past }))).toEqual(FAILED);
    expect([await read('c/source'), await read('c/target')]).toEqual(['body of c/source', 'body of c/target']);
    await rename('c/source', 'c/target', {
      SourceIfMatch: ETag!,
      SourceIfModifiedSince: past,
      SourceIfUnmodifiedSince: future,
      DestinationIfMatch: target.ETag!,
      DestinationIfModifiedSince: past,
    });
    expect(await read('c/target')).toBe('body of c/source');
    await rename('c/target', 'c/none', { DestinationIfNoneMatch: '*' });
    expect(await read('c/none')).toBe('body of c/source');
  });

  test('of two renames at once onto a new name, one holds', async () => {
    for (let i = 0; i < 8; i++) await put(`race/${i}`);
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        rename(`race/${i}`, 'race/to', { DestinationIfNoneMatch: '*' }).then(
          () => i,
          (error) => error.name as string,
        ),
      ),
    );
    const won = outcomes.filter((one) => typeof one === 'number');
    expect(won).toHaveLength(1);
    expect(outcomes.filter((one) => one === 'PreconditionFailed')).toHaveLength(7);
    expect(await read('race/to')).toBe(`body of race/${won[0]}`);
  });
});

describe('a client token', () => {
  test('makes the same request again succeed without doing anything, and another one fail', async () => {
    await put('t/source');
    const token = { ClientToken: 'token-1' };
    await rename('t/source', 't/to', token);
    await put('t/source', { Body: 'new' });
    await rename('t/source', 't/to', token);
    expect([await read('t/source'), await read('t/to')]).toEqual(['new', 'body of t/source']);
    const mismatch = {
      status: 400,
      code: 'IdempotencyParameterMismatch',
      message: 'Parameters on this idempotent request are inconsistent with parameters used in previous request(s).',
    };
    expect(await refusal(rename('t/source', 't/elsewhere', token))).toEqual(mismatch);
    expect(await refusal(rename('t/source', 't/to', { ...token, SourceIfMatch: '"x"' }))).toEqual(mismatch);
    // The token is the caller's own.
    await rename('t/source', 't/user', token, server.s3({ credentials: keys.user }));
    expect(await read('t/user')).toBe('new');
  });

  test('sent many times at once moves the object once', async () => {
    await put('t/many');
    const same = { ClientToken: 'token-many' };
    await Promise.all(Array.from({ length: 8 }, () => rename('t/many', 't/many-to', same)));
    expect(await read('t/many-to')).toBe('body of t/many');
    expect(await refusal(read('t/many'))).toMatchObject(GONE);
  });
});

describe('rights', () => {
  test('to read and delete the source, to put the target, and to use the key are asked for', async () => {
    const user = server.s3({ credentials: keys.user });
    const careful = server.s3({ credentials: keys.careful });
    const denied = { status: 403, code: 'AccessDenied' };
    await put('kept/one');
    await put('r/kms', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: keyArn });
    expect(await refusal(rename('kept/one', 'taken', {}, careful))).toMatchObject(denied);
    expect(await refusal(rename('r/kms', 'r/to', {}, user))).toMatchObject(denied);
    expect(await read('r/kms')).toBe('body of r/kms');
    await rename('kept/one', 'taken', {}, user);
    // UpdateObjectEncryption asks for the keys in the same way.
    const ObjectEncryption = { SSEKMS: { KMSKeyArn: keyArn } };
    const update = new UpdateObjectEncryptionCommand({ Bucket, Key: 'taken', ObjectEncryption });
    expect(await refusal(user.send(update))).toMatchObject(denied);
    expect((await s3.send(new HeadObjectCommand({ Bucket, Key: 'taken' }))).ServerSideEncryption).toBe('AES256');
  });

  test('what is missing, or renamed to itself, is refused', async () => {
    await put('self');
    expect(await refusal(rename('missing', 'to'))).toMatchObject(GONE);
    expect(await refusal(rename('self', 'self'))).toMatchObject({ status: 400, code: 'InvalidRequest' });
    expect(await refusal(rename('%ff', 'to'))).toMatchObject({ status: 400, code: 'InvalidArgument' });
    const spaced = { ClientToken: 'with space' };
    expect(await refusal(rename('self', 'to', spaced))).toMatchObject({ status: 400, code: 'InvalidArgument' });
    expect(await read('self')).toBe('body of self');
  });
});

test('in a bucket with versions a delete marker takes the place, and older versions stay', async () => {
  const versioned = { Bucket: 'renamed-versions' };
  await s3.send(new CreateBucketCommand(versioned));
  await s3.send(new PutBucketVersioningCommand({ ...versioned, VersioningConfiguration: { Status: 'Enabled' } }));
  const older = (await put('from', { ...versioned, Body: '1' })).VersionId!;
  await put('from', { ...versioned, Body: '2' });
  const replaced = (await put('to', { ...versioned, Body: '3' })).VersionId!;
  await rename('from', 'to', versioned);
  expect(await read('to', versioned)).toBe('2');
  expect(await read('to', { ...versioned, VersionId: replaced })).toBe('3');
  expect(await refusal(read('from', versioned))).toMatchObject(GONE);
  expect(await read('from', { ...versioned, VersionId: older })).toBe('1');
  const list = await s3.send(new ListObjectVersionsCommand(versioned));
  expect(list.Versions?.map(({ Key, IsLatest }) => [Key, IsLatest])).toEqual([
    ['from', false],
    ['to', true],
    ['to', false],
  ]);
  expect(list.DeleteMarkers).toMatchObject([{ Key: 'from', IsLatest: true }]);
  await s3.send(new DeleteObjectCommand({ ...versioned, Key: 'from', VersionId: list.DeleteMarkers![0]!.VersionId }));
  expect(await read('from', versioned)).toBe('1');
});

test('a locked version keeps its name', async () => {
  const locked = { Bucket: 'renamed-locked' };
  await s3.send(new CreateBucketCommand({ ...locked, ObjectLockEnabledForBucket: true }));
  await put('free', locked);
  await put('held', { ...locked, ObjectLockLegalHoldStatus: 'ON' });
  expect(await refusal(rename('held', 'to', locked))).toEqual({
    status: 403,
    code: 'AccessDenied',
    message: 'Access Denied because object protected by object lock.',
  });
  await rename('free', 'held', locked);
  const list = await s3.send(new ListObjectVersionsCommand({ ...locked, Prefix: 'held' }));
  expect(list.Versions).toHaveLength(2);
});
