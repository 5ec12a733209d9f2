import {
  CopyObjectCommand,
  CreateBucketCommand,
  GetObjectCommand,
  GetObjectTorrentCommand,
  HeadObjectCommand,
  PutObjectCommand,
  RestoreObjectCommand,
  type RestoreRequest,
  type S3Client,
  type StorageClass,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { refusal } from '../support/s3-error.js';
import { startServer, type TestServer } from '../support/server.js';

let server: TestServer;
let s3: S3Client;
const Bucket = 'archive';

beforeAll(async () => {
  server = await startServer({ env: { COFFER_DAY_SECONDS: '2' } });
  s3 = server.s3();
  await s3.send(new CreateBucketCommand({ Bucket }));
});
afterAll(() => server?.close());

const put = (Key: string, StorageClass: StorageClass) =>
  s3.send(new PutObjectCommand({ Bucket, Key, Body: 'archived', StorageClass }));
const restore = (Key: string, RestoreRequest: RestoreRequest) =>
  s3.send(new RestoreObjectCommand({ Bucket, Key, RestoreRequest }));
const read = async (Key: string) => (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body!.transformToString();

const OUT_OF_REACH = {
  status: 403,
  code: 'InvalidObjectState',
  message: "The operation is not valid for the object's storage class",
};

test.each(['GLACIER', 'DEEP_ARCHIVE'] as const)('%s is read after it was restored', async (StorageClass) => {
  const Key = StorageClass;
  await put(Key, StorageClass);
  expect(await refusal(read(Key))).toEqual(OUT_OF_REACH);
  const copy = new CopyObjectCommand({ Bucket, Key: `${Key}-copy`, CopySource: `${Bucket}/${Key}` });
  expect(await refusal(s3.send(copy))).toEqual(OUT_OF_REACH);
  expect((await s3.send(new HeadObjectCommand({ Bucket, Key }))).Restore).toBeUndefined();
  const first = await restore(Key, { Days: 100, GlacierJobParameters: { Tier: 'Bulk' } });
  expect(first.$metadata.httpStatusCode).toBe(202);
  expect(await read(Key)).toBe('archived');
  const { Restore, StorageClass: kept } = await s3.send(new HeadObjectCommand({ Bucket, Key }));
  expect([kept, Restore]).toEqual([
    StorageClass,
    expect.stringMatching(/^ongoing-request="false", expiry-date="\w{3}, .* GMT"$/),
  ]);
  expect((await restore(Key, { Days: 200 })).$metadata.httpStatusCode).toBe(200);
  await s3.send(copy);
  const copied = await s3.send(new HeadObjectCommand({ Bucket, Key: `${Key}-copy` }));
  expect([copied.StorageClass, copied.Restore]).toEqual([undefined, undefined]);
});

test('a restored copy ends with its days', async () => {
  await put('ends', 'GLACIER');
  // On a busy machine it may have ended before it is read: then with more time.
  for (let Days = 1; ; Days *= 2) {
    await restore('ends', { Days });
    const found = await read('ends').catch((error) => error.name);
    if (found === 'archived') break;
    expect(found).toBe('InvalidObjectState');
  }
  await expect.poll(() => read('ends').catch((error) => error.name)).toBe('InvalidObjectState');
  expect((await s3.send(new HeadObjectCommand({ Bucket, Key: 'ends' }))).Restore).toBeUndefined();
});

test('what isn’t archived, or is asked for wrongly, is refused', async () => {
  await put('standard', 'STANDARD');
  await put('deep', 'DEEP_ARCHIVE');
  expect(await refusal(restore('standard', { Days: 1 }))).toEqual({
    status: 403,
    code: 'InvalidObjectState',
    message: "Restore is not allowed for the object's current storage class",
  });
  expect(await refusal(restore('missing', { Days: 1 }))).toMatchObject({ status: 404, code: 'NoSuchKey' });
  expect(await refusal(restore('deep', { Days: 0 }))).toMatchObject({ status: 400, code: 'InvalidArgument' });
  expect(await refusal(restore('deep', {}))).toMatchObject({ status: 400, code: 'MalformedXML' });
  const tier = (Tier: string) => ({ Days: 1, GlacierJobParameters: { Tier: Tier as 'Bulk' } });
  expect(await refusal(restore('deep', tier('Quick')))).toMatchObject({ status: 400, code: 'MalformedXML' });
  expect(await refusal(restore('deep', tier('Expedited')))).toMatchObject({ status: 400, code: 'InvalidArgument' });
  expect(await refusal(restore('deep', { Type: 'SELECT', Days: 1 }))).toMatchObject({
    status: 501,
    code: 'NotImplemented',
  });
  expect(await refusal(read('deep'))).toEqual(OUT_OF_REACH);
});

test('there are no torrents any more', async () => {
  await put('torrent', 'STANDARD');
  expect(await refusal(s3.send(new GetObjectTorrentCommand({ Bucket, Key: 'torrent' })))).toEqual({
    status: 405,
    code: 'MethodNotAllowed',
    message: 'The specified method is not allowed against this resource.',
  });
});
