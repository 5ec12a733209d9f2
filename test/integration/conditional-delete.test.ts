import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { refusal } from '../support/s3-error.js';
import { startServer, type TestServer } from '../support/server.js';

const keys = {
  root: { accessKeyId: 'AKIAROOTROOTROOTROOT', secretAccessKey: 'root-secret-0123456789' },
  /** May delete, not read. */
  cleaner: { accessKeyId: 'AKIACLEANERCLEANER00', secretAccessKey: 'cleaner-secret-01234567' },
};
let server: TestServer;
let dir: string;
let s3: S3Client;
let cleaner: S3Client;
const Bucket = 'conditions';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'coffer-conditions-'));
  const file = join(dir, 'accounts.json');
  const Statement = [{ Effect: 'Allow', Action: ['s3:DeleteObject', 's3:ListBucket'], Resource: '*' }];
  const policies = [{ Version: '2012-10-17', Statement }];
  const users = [{ userName: 'cleaner', accessKeys: [keys.cleaner], policies }];
  await writeFile(file, JSON.stringify({ accounts: [{ accountId: '111111111111', accessKeys: [keys.root], users }] }));
  server = await startServer({
    env: { COFFER_ACCESS_KEY_ID: '', COFFER_SECRET_ACCESS_KEY: '', COFFER_ACCOUNTS_FILE: file },
  });
  s3 = server.s3({ credentials: keys.root });
  cleaner = server.s3({ credentials: keys.cleaner });
  await s3.send(new CreateBucketCommand({ Bucket }));
});
afterAll(async () => {
  await server?.close();
  await rm(dir, { recursive: true, force: true });
});

const put = async (Key: string) => (await s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }))).ETag!;
const remove = (Key: string, IfMatch: string, client = s3) =>
  client.send(new DeleteObjectCommand({ Bucket, Key, IfMatch }));
const removeMany = async (objects: { Key: string; ETag: string }[], client = s3) =>
  client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: objects } }));
const exists = (Key: string) =>
  s3.send(new HeadObjectCommand({ Bucket, Key })).then(
    () => true,
    () => false,
  );

test('a delete with an ETag deletes that object or none', async () => {
  const etag = await put('one');
  expect(await refusal(remove('one', '"other"'))).toMatchObject({ status: 412, code: 'PreconditionFailed' });
  await remove('one', etag);
  expect(await exists('one')).toBe(false);
  expect(await refusal(remove('one', '*'))).toMatchObject({ status: 404, code: 'NoSuchKey' });
  await put('one');
  await remove('one', '*');
  expect(await exists('one')).toBe(false);
});

test('each of many has its own condition', async () => {
  const etag = await put('many-1');
  await put('many-2');
  await put('many-3');
  const answer = await removeMany([
    { Key: 'many-1', ETag: etag },
    { Key: 'many-2', ETag: etag },
    { Key: 'many-3', ETag: '*' },
    { Key: 'many-4', ETag: '*' },
  ]);
  expect(answer.Deleted?.map(({ Key }) => Key)).toEqual(['many-1', 'many-3']);
  expect(answer.Errors?.map(({ Key, Code }) => [Key, Code])).toEqual([
    ['many-2', 'PreconditionFailed'],
    ['many-4', 'NoSuchKey'],
  ]);
});

test('whether an ETag is the one is told only to who may read the object', async () => {
  const etag = await put('secret');
  expect(await refusal(remove('secret', etag, cleaner))).toMatchObject({ status: 403, code: 'AccessDenied' });
  const many = await removeMany([{ Key: 'secret', ETag: etag }], cleaner);
  expect(many.Errors).toMatchObject([{ Key: 'secret', Code: 'AccessDenied' }]);
  expect(await exists('secret')).toBe(true);
  await remove('secret', '*', cleaner);
  expect(await exists('secret')).toBe(false);
});
