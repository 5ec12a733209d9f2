import { randomBytes } from 'node:crypto';
import { CreateKeyCommand, DisableKeyCommand } from '@aws-sdk/client-kms';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  type ObjectEncryption,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutObjectLegalHoldCommand,
  type S3Client,
  UpdateObjectEncryptionCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { customerKey } from '../support/customer-key.js';
import { refusal } from '../support/s3-error.js';
import { startServer, type TestServer } from '../support/server.js';

let server: TestServer;
let s3: S3Client;
let first: string;
let second: string;
const Bucket = 'rewrapped';

beforeAll(async () => {
  server = await startServer();
  s3 = server.s3();
  await s3.send(new CreateBucketCommand({ Bucket }));
  const create = async () => (await server.kms().send(new CreateKeyCommand({}))).KeyMetadata!.Arn!;
  first = await create();
  second = await create();
});
afterAll(() => server?.close());

const put = (Key: string, extra: Partial<PutObjectCommandInput> = {}) =>
  s3.send(new PutObjectCommand({ Bucket, Key, Body: 'secret', ...extra }));
const update = (Key: string, KMSKeyArn: string, BucketKeyEnabled?: boolean, extra = {}) =>
  s3.send(
    new UpdateObjectEncryptionCommand({
      Bucket,
      Key,
      ObjectEncryption: { SSEKMS: { KMSKeyArn, BucketKeyEnabled } },
      ...extra,
    }),
  );
const head = (Key: string, extra = {}) =>
  s3.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED', ...extra }));
const read = async (Key: string, extra = {}) =>
  (await s3.send(new GetObjectCommand({ Bucket, Key, ...extra }))).Body!.transformToString();

const SOURCES: [string, () => Partial<PutObjectCommandInput>][] = [
  ['SSE-S3', () => ({})],
  ['SSE-KMS', () => ({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: first })],
  [
    'SSE-KMS with a context',
    () => ({
      ServerSideEncryption: 'aws:kms',
      SSEKMSKeyId: first,
      SSEKMSEncryptionContext: Buffer.from('{"a":"b"}').toString('base64'),
    }),
  ],
  [
    'SSE-KMS with a bucket key',
    () => ({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: first, BucketKeyEnabled: true }),
  ],
];

describe.each(SOURCES)('an object under %s', (name, encryption) => {
  test.each([false, true])('gets another key, with bucket key %s, and nothing else changes', async (bucketKey) => {
    const Key = `${name}/${bucketKey}`;
    await put(Key, { ...encryption(), Metadata: { a: 'b' }, ChecksumAlgorithm: 'SHA256' });
    const before = await head(Key);
    await update(Key, second, bucketKey);
    const after = await head(Key);
    expect(after).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: second });
    expect(after.BucketKeyEnabled).toBe(bucketKey || undefined);
    for (const same of ['ETag', 'LastModified', 'ContentLength', 'ChecksumSHA256', 'Metadata'] as const) {
      expect(after[same]).toEqual(before[same]);
    }
    expect(await read(Key)).toBe('secret');
    // And once more: what was wrapped anew can be wrapped anew.
    await update(Key, first, !bucketKey);
    expect(await read(Key)).toBe('secret');
    expect((await head(Key)).ChecksumSHA256).toBe(before.ChecksumSHA256);
  });
});

test('the old key is not needed any more, and the new one is', async () => {
  const create = async () => (await server.kms().send(new CreateKeyCommand({}))).KeyMetadata!.Arn!;
  const [old, fresh] = [await create(), await create()];
  await put('moved', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: old });
  await update('moved', fresh);
  await server.kms().send(new DisableKeyCommand({ KeyId: old }));
  expect(await read('moved')).toBe('secret');
  await server.kms().send(new DisableKeyCommand({ KeyId: fresh }));
  expect(await refusal(read('moved'))).toMatchObject({ code: 'KMS.DisabledException' });
  // The checksum tells only who may use the key.
  expect(await refusal(head('moved'))).toMatchObject({ status: 400 });
  expect(await refusal(update('moved', second))).toMatchObject({ code: 'KMS.DisabledException' });
});

test('a large multipart object costs no more', async () => {
  const Key = 'parts';
  const { UploadId } = await s3.send(
    new CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm: 'CRC32', ChecksumType: 'COMPOSITE' }),
  );
  const bodies = [randomBytes(5 * 1024 * 1024), randomBytes(1000)];
  const Parts = [];
  for (const [i, Body] of bodies.entries()) {
    const PartNumber = i + 1;
    const { ETag, ChecksumCRC32 } = await s3.send(
      new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body, ChecksumAlgorithm: 'CRC32' }),
    );
    Parts.push({ PartNumber, ETag, ChecksumCRC32 });
  }
  await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
  const before = await head(Key);
  await update(Key, second, true);
  const after = await head(Key);
  expect([after.ETag, after.ChecksumCRC32, after.LastModified]).toEqual([
    before.ETag,
    before.ChecksumCRC32,
    before.LastModified,
  ]);
  const body = await (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body!.transformToByteArray();
  expect(Buffer.compare(body, Buffer.concat(bodies))).toBe(0);
  expect((await head(Key, { PartNumber: 2 })).ChecksumCRC32).toBe(Parts[1]!.ChecksumCRC32);
});

test('what is neither SSE-S3 nor SSE-KMS is refused', async () => {
  const message =
    "The UpdateObjectEncryption operation doesn't support source objects with the encryption type DSSE-KMS or SSE-C. Only source objects encrypted with SSE-S3 or SSE-KMS are supported.";
  await put('dsse', { ServerSideEncryption: 'aws:kms:dsse', SSEKMSKeyId: first });
  const key = customerKey();
  await put('sse-c', key);
  for (const Key of ['dsse', 'sse-c']) {
    expect(await refusal(update(Key, first))).toEqual({ status: 400, code: 'InvalidRequest', message });
  }
  expect(await read('dsse')).toBe('secret');
  expect(await read('sse-c', key)).toBe('secret');
});

test('a request that names no key of this account is refused', async () => {
  await put('refused');
  const send = (ObjectEncryption: ObjectEncryption) =>
    refusal(s3.send(new UpdateObjectEncryptionCommand({ Bucket, Key: 'refused', ObjectEncryption })));
  const invalid = { status: 400, code: 'InvalidRequest' };
  expect(await send({} as ObjectEncryption)).toMatchObject(invalid);
  expect(await send({ SSEKMS: {} as { KMSKeyArn: string } })).toMatchObject({
    ...invalid,
    message: expect.stringContaining('Modify the request to specify a KMS key ARN'),
  });
  for (const KMSKeyArn of ['alias/aws/s3', first.split('/')[1]!]) {
    expect(await send({ SSEKMS: { KMSKeyArn } })).toMatchObject({
      ...invalid,
      message: expect.stringContaining('correctly formatted'),
    });
  }
  expect(await send({ SSEKMS: { KMSKeyArn: first.replace('000000000000', '999999999999') } })).toMatchObject({
    status: 403,
    code: 'AccessDenied',
    message: expect.stringContaining('must be owned by the same account as the bucket'),
  });
  expect(
    await send({ SSEKMS: { KMSKeyArn: `${first.split('/')[0]}/${first.split('/')[1]!.replace(/./g, '0')}` } }),
  ).toMatchObject({ status: 400, code: 'KMS.NotFoundException' });
  expect(await refusal(update('missing', first))).toMatchObject({ status: 404, code: 'NoSuchKey' });
  expect((await head('refused')).ServerSideEncryption).toBe('AES256');
});

test('a version is changed by its id, a locked one never', async () => {
  const locked = { Bucket: 'rewrapped-locked' };
  await s3.send(new CreateBucketCommand({ ...locked, ObjectLockEnabledForBucket: true }));
  const { VersionId } = await put('key', locked);
  await put('key', { ...locked, Body: 'newer' });
  await update('key', first, false, { ...locked, VersionId });
  expect((await head('key', { ...locked, VersionId })).SSEKMSKeyId).toBe(first);
  expect((await head('key', locked)).ServerSideEncryption).toBe('AES256');
  expect(await read('key', { ...locked, VersionId })).toBe('secret');
  await s3.send(new PutObjectLegalHoldCommand({ ...locked, Key: 'key', VersionId, LegalHold: { Status: 'ON' } }));
  expect(await refusal(update('key', second, false, { ...locked, VersionId }))).toMatchObject({
    status: 403,
    code: 'AccessDenied',
    message: expect.stringContaining('protected by S3 Object Lock'),
  });
  const retention = {
    ObjectLockMode: 'COMPLIANCE' as const,
    ObjectLockRetainUntilDate: new Date(Date.now() + 3_600_000),
  };
  await put('compliance', { ...locked, ...retention });
  expect(await refusal(update('compliance', second, false, locked))).toMatchObject({ code: 'AccessDenied' });
  const marker = await s3.send(new DeleteObjectCommand({ ...locked, Key: 'key' }));
  expect(await refusal(update('key', second, false, { ...locked, VersionId: marker.VersionId }))).toMatchObject({
    status: 405,
  });
});

test('many at once leave a readable object', async () => {
  await put('race');
  const outcomes = await Promise.allSettled(
    Array.from({ length: 12 }, (_, i) => update('race', i % 2 === 0 ? first : second, i % 3 === 0)),
  );
  expect(outcomes.filter((one) => one.status === 'fulfilled')).toHaveLength(12);
  expect(await read('race')).toBe('secret');
});
