import { createHash } from 'node:crypto';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteBucketTaggingCommand,
  DeleteObjectCommand,
  DeleteObjectTaggingCommand,
  GetBucketTaggingCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  PutBucketTaggingCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refusal } from '../support/s3-error.js';
import { credentials, startServer, type TestServer } from '../support/server.js';
import { signedRequest } from '../support/signed-request.js';

let server: TestServer;
let s3: S3Client;
const Bucket = 'tagged';

beforeAll(async () => {
  server = await startServer();
  s3 = server.s3();
  await s3.send(new CreateBucketCommand({ Bucket }));
});
afterAll(() => server?.close());

const tag = (Key: string, Value = '') => ({ Key, Value });
const putBucketTags = (...TagSet: { Key: string; Value: string }[]) =>
  s3.send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet } }));
const putTags = (Key: string, TagSet: { Key: string; Value: string }[], VersionId?: string) =>
  s3.send(new PutObjectTaggingCommand({ Bucket, Key, VersionId, Tagging: { TagSet } }));
const tagsOf = async (Key: string, VersionId?: string) =>
  (await s3.send(new GetObjectTaggingCommand({ Bucket, Key, VersionId }))).TagSet;
const raw = (method: string, path: string, query: string, body = '', headers = {}) =>
  signedRequest(server.port, { method, path, query, body, headers, key: credentials });

describe('tags of a bucket', () => {
  const noTags = { status: 404, code: 'NoSuchTagSet', message: 'The TagSet does not exist' };

  test('are put, replaced, read and deleted as test_bucket_tagging_crud recorded it', async () => {
    expect(await refusal(s3.send(new GetBucketTaggingCommand({ Bucket })))).toEqual(noTags);
    expect((await putBucketTags(tag('tag1', 'tag1'), tag('tag2'))).$metadata.httpStatusCode).toBe(204);
    expect((await s3.send(new GetBucketTaggingCommand({ Bucket }))).TagSet).toEqual([tag('tag1', 'tag1'), tag('tag2')]);
    await putBucketTags(tag('tag3', 'tag3'));
    expect((await s3.send(new GetBucketTaggingCommand({ Bucket }))).TagSet).toEqual([tag('tag3', 'tag3')]);
    await s3.send(new DeleteBucketTaggingCommand({ Bucket }));
    expect(await refusal(s3.send(new GetBucketTaggingCommand({ Bucket })))).toEqual(noTags);
    await putBucketTags(tag('a'));
    await putBucketTags();
    expect(await refusal(s3.send(new GetBucketTaggingCommand({ Bucket })))).toEqual(noTags);
  });

  test('are refused with the messages of test_tagging_validation', async () => {
    const invalid = (message: string) => ({ status: 400, code: 'InvalidTag', message });
    expect(await refusal(putBucketTags(tag('Key1', 'a'), tag('Key1', 'b')))).toEqual(
      invalid('Cannot provide multiple Tags with the same key'),
    );
    expect(await refusal(putBucketTags(tag('Key1,Key2', 'a')))).toEqual(
      invalid('The TagKey you have provided is invalid'),
    );
    expect(await refusal(putBucketTags(tag('Key1', 'Val1,Val2')))).toEqual(
      invalid('The TagValue you have provided is invalid'),
    );
    expect(await refusal(putBucketTags(tag('aws:prefixed', 'a')))).toEqual(
      invalid('System tags cannot be added/updated by requester'),
    );
    const many = Array.from({ length: 51 }, (_, i) => tag(`k${i}`));
    expect(await refusal(putBucketTags(...many))).toMatchObject({ status: 400, code: 'BadRequest' });
    await putBucketTags(...many.slice(1));
    expect((await s3.send(new GetBucketTaggingCommand({ Bucket }))).TagSet).toHaveLength(50);
  });

  test('of the largest size fit, whatever their characters', async () => {
    const many = Array.from({ length: 50 }, (_, i) => tag(`${i}${'語'.repeat(126)}`, '値'.repeat(256)));
    await putBucketTags(...many);
    expect((await s3.send(new GetBucketTaggingCommand({ Bucket }))).TagSet).toEqual(many);
  });

  test('without a key or a value are malformed', async () => {
    let tried = 0;
    for (const inner of ['<Key>k</Key>', '<Value>v</Value>', '', '<Key>a</Key><Key>b</Key><Value/>']) {
      for (const path of [`/${Bucket}`, `/${Bucket}/malformed`]) {
        const body = `<Tagging><TagSet><Tag>${inner}</Tag></TagSet></Tagging>`;
        await s3.send(new PutObjectCommand({ Bucket, Key: 'malformed', Body: 'x' }));
        const md5 = createHash('md5').update(body).digest('base64');
        const answer = await raw('PUT', path, 'tagging', body, { 'content-md5': md5 });
        expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('<Code>MalformedXML</Code>')]);
        tried++;
      }
    }
    expect(tried).toBe(8);
  });

  test('come with CreateBucket, and end with the bucket', async () => {
    const made = (Tags: { Key: string; Value: string }[]) =>
      s3.send(new CreateBucketCommand({ Bucket: 'made-with-tags', CreateBucketConfiguration: { Tags } }));
    await made([tag('tag1', 'value1')]);
    const read = () => s3.send(new GetBucketTaggingCommand({ Bucket: 'made-with-tags' }));
    expect((await read()).TagSet).toEqual([tag('tag1', 'value1')]);
    expect(await refusal(made([tag('tag1', 'value1')]))).toMatchObject({
      status: 409,
      code: 'BucketAlreadyOwnedByYou',
    });
    await made([]);
    expect((await read()).TagSet).toEqual([tag('tag1', 'value1')]);
    expect(await refusal(made([tag('aws:x')]))).toEqual({
      status: 400,
      code: 'InvalidTag',
      message:
        'User-defined tag keys can\'t start with "aws:". This prefix is reserved for system tags. Remove "aws:" from your tag keys and try again.',
    });
    await s3.send(new DeleteBucketCommand({ Bucket: 'made-with-tags' }));
    await made([]);
    expect(await refusal(read())).toEqual(noTags);
  });
});

describe('tags of an object', () => {
  test('are put, replaced, counted and deleted as test_object_tagging_crud recorded it', async () => {
    const Key = 'crud';
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'test-tagging' }));
    expect(await tagsOf(Key)).toEqual([]);
    await putTags(Key, [tag('tag1', 'tag1'), tag('tag2')]);
    expect(await tagsOf(Key)).toEqual([tag('tag1', 'tag1'), tag('tag2')]);
    await putTags(Key, [tag('tag3', 'tag3')]);
    const got = await s3.send(new GetObjectCommand({ Bucket, Key }));
    expect([await got.Body!.transformToString(), got.TagCount]).toEqual(['test-tagging', 1]);
    const deleted = await s3.send(new DeleteObjectTaggingCommand({ Bucket, Key }));
    expect(deleted.$metadata.httpStatusCode).toBe(204);
    expect(await tagsOf(Key)).toEqual([]);
    expect((await s3.send(new HeadObjectCommand({ Bucket, Key }))).TagCount).toBeUndefined();
    expect((await raw('PUT', `/${Bucket}/${Key}`, 'tagging', '<Tagging/>')).status).toBe(200);
  });

  test('in a header are kept by key, and a body that is written anew has none', async () => {
    const Key = 'header';
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x', Tagging: 'tag1=tag1&tag2=tag2&tag=' }));
    expect(await tagsOf(Key)).toEqual([tag('tag'), tag('tag1', 'tag1'), tag('tag2', 'tag2')]);
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x', Tagging: 'wrongquery&wrongagain' }));
    expect(await tagsOf(Key)).toEqual([tag('wrongagain'), tag('wrongquery')]);
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));
    expect(await tagsOf(Key)).toEqual([]);
    for (const Tagging of ['key1=val1&key1=val2', 'key1=val1,key2=val2']) {
      expect(await refusal(s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x', Tagging })))).toEqual({
        status: 400,
        code: 'InvalidArgument',
        message:
          "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
      });
    }
  });

  test('are refused with AWS’s messages', async () => {
    const Key = 'refused';
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));
    const invalid = (message: string) => ({ status: 400, code: 'InvalidTag', message });
    expect(await refusal(putTags(Key, [tag('Key1', 'a'), tag('Key1', 'b')]))).toEqual(
      invalid('Cannot provide multiple Tags with the same key'),
    );
    expect(await refusal(putTags(Key, [tag('Key1,Key2')]))).toEqual(invalid('The TagKey you have provided is invalid'));
    expect(await refusal(putTags(Key, [tag('aws:prefixed')]))).toEqual(
      invalid('Your TagKey cannot be prefixed with aws:'),
    );
    const many = Array.from({ length: 11 }, (_, i) => tag(`k${i}`));
    expect(await refusal(putTags(Key, many))).toEqual({
      status: 400,
      code: 'BadRequest',
      message: 'Object tags cannot be greater than 10',
    });
    expect(await refusal(putTags('fake-key', [tag('a')]))).toMatchObject({ status: 404, code: 'NoSuchKey' });
    expect((await raw('GET', `/${Bucket}/fake-key`, 'tagging')).text).toContain(`<Key>${Bucket}/fake-key</Key>`);
    expect((await raw('DELETE', `/${Bucket}/fake-key`, 'tagging')).text).toContain('<Key>fake-key</Key>');
  });

  test('are copied or replaced by CopyObject’s directive', async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'source', Body: 'test', Tagging: 'key1=value1' }));
    const copied = async (Key: string, extra: object) => {
      await s3.send(new CopyObjectCommand({ Bucket, Key, CopySource: `${Bucket}/source`, ...extra }));
      return tagsOf(Key);
    };
    expect(await copied('c1', {})).toEqual([tag('key1', 'value1')]);
    expect(await copied('c2', { Tagging: 'key2=value2' })).toEqual([tag('key1', 'value1')]);
    expect(await copied('c3', { TaggingDirective: 'REPLACE', Tagging: 'key2=value2' })).toEqual([
      tag('key2', 'value2'),
    ]);
    expect(await copied('c4', { TaggingDirective: 'REPLACE' })).toEqual([]);
  });

  test('belong to a version, and a delete marker takes none, as test_object_tagging_versioned recorded it', async () => {
    const Key = 'versioned';
    const Versioned = 'tagged-versioned';
    await s3.send(new CreateBucketCommand({ Bucket: Versioned }));
    await s3.send(
      new PutBucketVersioningCommand({ Bucket: Versioned, VersioningConfiguration: { Status: 'Enabled' } }),
    );
    const put = async () => (await s3.send(new PutObjectCommand({ Bucket: Versioned, Key, Body: 'x' }))).VersionId!;
    const [first, second] = [await put(), await put()];
    const setTags = (VersionId: string | undefined, Value: string) =>
      s3.send(
        new PutObjectTaggingCommand({ Bucket: Versioned, Key, VersionId, Tagging: { TagSet: [tag('t', Value)] } }),
      );
    const read = (VersionId?: string) => s3.send(new GetObjectTaggingCommand({ Bucket: Versioned, Key, VersionId }));
    expect((await setTags(undefined, '2')).VersionId).toBe(second);
    expect((await setTags(first, '1')).VersionId).toBe(first);
    expect(await read()).toMatchObject({ VersionId: second, TagSet: [tag('t', '2')] });
    expect(await read(first)).toMatchObject({ VersionId: first, TagSet: [tag('t', '1')] });
    const marker = (await s3.send(new DeleteObjectCommand({ Bucket: Versioned, Key }))).VersionId!;
    let refused = 0;
    for (const VersionId of [undefined, marker]) {
      const calls = [
        () => setTags(VersionId, 'x'),
        () => read(VersionId),
        () => s3.send(new DeleteObjectTaggingCommand({ Bucket: Versioned, Key, VersionId })),
      ];
      for (const call of calls) {
        expect(await refusal(call())).toEqual({
          status: 405,
          code: 'MethodNotAllowed',
          message: 'The specified method is not allowed against this resource.',
        });
        refused++;
      }
    }
    expect(refused).toBe(6);
    expect((await read(first)).TagSet).toEqual([tag('t', '1')]);
  });
});
