import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AccountsServer, keyOf, startWithAccounts } from '../support/accounts.js';
import { refusal } from '../support/s3-error.js';

/** What a request says of one object must not count for another that it is about besides. */
let server: AccountsServer;
let serial = 0;
const denied = { status: 403, code: 'AccessDenied' };
type Statement = Record<string, unknown>;

beforeAll(async () => {
  server = await startWithAccounts([
    { accountId: '111111111111', name: 'main', users: [{ userName: 'clerk', policies: [] }] },
  ]);
});
afterAll(() => server?.close());

const main = () => server.as('main');
const clerk = () => server.as('clerk');

async function bucketWith(statements: (versions: string[]) => Statement[]) {
  const Bucket = `apart-${++serial}`;
  await main().send(new CreateBucketCommand({ Bucket }));
  await main().send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  const versions: string[] = [];
  for (const Body of ['one', 'two']) {
    const put = new PutObjectCommand({ Bucket, Key: 'k', Body, Tagging: 'team=main' });
    versions.push((await main().send(put)).VersionId!);
  }
  const Statement = statements(versions).map((one) => ({
    Effect: 'Allow',
    Principal: { AWS: 'arn:aws:iam::111111111111:user/clerk' },
    Resource: `arn:aws:s3:::${Bucket}/*`,
    ...one,
  }));
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
  await main().send(new PutBucketPolicyCommand({ Bucket, Policy }));
  return { Bucket, versions: versions as [string, string] };
}

/** Adds parameters to a request before it is signed. */
function withQuery(query: Record<string, string>) {
  const client = server.s3({ credentials: keyOf('clerk') });
  client.middlewareStack.add(
    (next) => (args) => {
      Object.assign((args.request as { query: Record<string, string> }).query, query);
      return next(args);
    },
    { step: 'build' },
  );
  return client;
}

test('a denial of one version holds for a copy of it and for DeleteObjects', async () => {
  const Action = ['s3:GetObjectVersion', 's3:DeleteObjectVersion'];
  const { Bucket, versions } = await bucketWith(([first]) => [
    { Action: [...Action, 's3:GetObjectVersionTagging', 's3:PutObject', 's3:PutObjectTagging'] },
    { Effect: 'Deny', Action, Condition: { StringEquals: { 's3:VersionId': first } } },
  ]);
  const copy = (id: string) =>
    clerk().send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/k?versionId=${id}` }));
  const remove = async (id: string, client = clerk()) => {
    const Delete = { Objects: [{ Key: 'k', VersionId: id }] };
    return (await client.send(new DeleteObjectsCommand({ Bucket, Delete }))).Errors?.[0]?.Code;
  };
  expect(await refusal(copy(versions[0]))).toMatchObject(denied);
  await copy(versions[1]);
  expect(await remove(versions[0])).toBe('AccessDenied');
  expect(await remove(versions[0], withQuery({ versionId: versions[1] }))).toBe('AccessDenied');
  expect(await remove(versions[1])).toBeUndefined();
});

test('an allowance of one version opens no other through the request’s own parameter', async () => {
  const { Bucket, versions } = await bucketWith(([, second]) => [
    { Action: ['s3:PutObject', 's3:PutObjectTagging', 's3:GetObjectVersionTagging'] },
    { Action: 's3:GetObjectVersion', Condition: { StringEquals: { 's3:VersionId': second } } },
  ]);
  const copy = new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/k?versionId=${versions[0]}` });
  expect(await refusal(clerk().send(copy))).toMatchObject(denied);
  // What makes a version takes no version's id in its own target.
  const refused = { status: 400, code: 'InvalidArgument', message: 'This operation does not accept a version-id.' };
  expect(await refusal(withQuery({ versionId: versions[1] }).send(copy))).toEqual(refused);
});

test('an If-Match that a policy asks for is each key’s own', async () => {
  const { Bucket } = await bucketWith(() => [
    { Action: 's3:DeleteObject', Condition: { Null: { 's3:if-match': 'false' } } },
  ]);
  const conditional = server.s3({ credentials: keyOf('clerk') });
  conditional.middlewareStack.add(
    (next) => (args) => {
      (args.request as { headers: Record<string, string> }).headers['if-match'] = '*';
      return next(args);
    },
    { step: 'build' },
  );
  const remove = async (object: { Key: string; ETag?: string }, client = clerk()) =>
    (await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [object] } }))).Errors?.[0]?.Code;
  // One for all of them would be nobody's.
  expect(await refusal(remove({ Key: 'k' }, conditional))).toMatchObject({ status: 501, code: 'NotImplemented' });
  expect(await remove({ Key: 'k' })).toBe('AccessDenied');
  expect(await remove({ Key: 'k', ETag: '*' })).toBeUndefined();
});

test('a policy can demand conditional writes of all that make objects, and of nothing else', async () => {
  const Condition = { Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } };
  const { Bucket } = await bucketWith(() => [
    { Action: 's3:PutObject' },
    { Effect: 'Deny', Action: 's3:PutObject', Condition },
  ]);
  const at = { Bucket, Key: 'new' };
  const put = (more: object) => clerk().send(new PutObjectCommand({ ...at, Body: 'x', ...more }));
  expect(await refusal(put({}))).toMatchObject(denied);
  await put({ IfNoneMatch: '*' });
  const upload = { Bucket, Key: 'parts' };
  const { UploadId } = await clerk().send(new CreateMultipartUploadCommand(upload));
  const part = await clerk().send(new UploadPartCommand({ ...upload, UploadId, PartNumber: 1, Body: 'x' }));
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag: part.ETag }] };
  const complete = (more: object) =>
    clerk().send(new CompleteMultipartUploadCommand({ ...upload, UploadId, MultipartUpload, ...more }));
  expect(await refusal(complete({}))).toMatchObject(denied);
  await complete({ IfNoneMatch: '*' });
});

test('who may list one prefix doesn’t learn what is missing elsewhere by naming it', async () => {
  const { Bucket } = await bucketWith(() => [
    { Action: 's3:GetObject' },
    {
      Action: 's3:ListBucket',
      Resource: `arn:aws:s3:::apart-${serial}`,
      Condition: { StringEquals: { 's3:prefix': 'home/' } },
    },
  ]);
  const get = new GetObjectCommand({ Bucket, Key: 'elsewhere' });
  expect(await refusal(withQuery({ prefix: 'home/' }).send(get))).toMatchObject(denied);
});

test('tags that a copy doesn’t take are no tags of the request', async () => {
  const { Bucket } = await bucketWith(() => [
    { Action: ['s3:GetObject', 's3:GetObjectTagging'] },
    {
      Action: ['s3:PutObject', 's3:PutObjectTagging'],
      Condition: { StringEquals: { 's3:RequestObjectTag/team': 'clerk' } },
    },
  ]);
  const copy = (TaggingDirective: 'COPY' | 'REPLACE') =>
    clerk().send(
      new CopyObjectCommand({ Bucket, Key: 'c', CopySource: `${Bucket}/k`, Tagging: 'team=clerk', TaggingDirective }),
    );
  expect(await refusal(copy('COPY'))).toMatchObject(denied);
  await copy('REPLACE');
});
