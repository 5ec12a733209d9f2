import { createHash, randomBytes } from 'node:crypto';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketLocationCommand,
  GetBucketVersioningCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refusal } from '../support/s3-error.js';
import { startServer, type TestServer } from '../support/server.js';

let server: TestServer;
let s3: S3Client;
const Bucket = 'objects';

beforeAll(async () => {
  server = await startServer();
  s3 = server.s3();
  await s3.send(new CreateBucketCommand({ Bucket }));
});
afterAll(() => server?.close());

const body = async (key: string, extra = {}) => {
  const answer = await s3.send(new GetObjectCommand({ Bucket, Key: key, ...extra }));
  return Buffer.from(await answer.Body!.transformToByteArray());
};

describe('buckets', () => {
  test('are created, found, listed in pages, located and deleted', async () => {
    for (const name of ['page-a', 'page-b', 'page-c']) await s3.send(new CreateBucketCommand({ Bucket: name }));
    const first = await s3.send(new ListBucketsCommand({ Prefix: 'page-', MaxBuckets: 2 }));
    expect(first.Buckets?.map((one) => one.Name)).toEqual(['page-a', 'page-b']);
    const second = await s3.send(
      new ListBucketsCommand({ Prefix: 'page-', MaxBuckets: 2, ContinuationToken: first.ContinuationToken! }),
    );
    expect(second.Buckets?.map((one) => one.Name)).toEqual(['page-c']);
    expect(second.ContinuationToken).toBeUndefined();
    const head = await s3.send(new HeadBucketCommand({ Bucket: 'page-a' }));
    expect(head.BucketRegion).toBe('us-east-1');
    expect((await s3.send(new GetBucketLocationCommand({ Bucket: 'page-a' }))).LocationConstraint).toBeUndefined();
    for (const name of ['page-a', 'page-b', 'page-c']) await s3.send(new DeleteBucketCommand({ Bucket: name }));
    expect(await refusal(s3.send(new GetBucketLocationCommand({ Bucket: 'page-a' })))).toEqual({
      status: 404,
      code: 'NoSuchBucket',
      message: 'The specified bucket does not exist',
    });
  });

  test('with anything in them are not deleted', async () => {
    await s3.send(new CreateBucketCommand({ Bucket: 'not-empty' }));
    await s3.send(new PutObjectCommand({ Bucket: 'not-empty', Key: 'k', Body: 'x' }));
    expect(await refusal(s3.send(new DeleteBucketCommand({ Bucket: 'not-empty' })))).toMatchObject({
      status: 409,
      code: 'BucketNotEmpty',
    });
  });

  test.each(['ab', 'Upper-Case', 'a..b', '192.168.0.1', 'under_score', '-start', 'xn--bucket', 'x-s3alias'])(
    'named %s are refused',
    async (name) => {
      expect(await refusal(s3.send(new CreateBucketCommand({ Bucket: name })))).toMatchObject({
        status: 400,
        code: 'InvalidBucketName',
      });
    },
  );
});

describe('objects', () => {
  test.each([0, 1, 16_383, 16_384, 16_385, 524_288, 1_000_003, 4_190_000, 4_194_304, 4_199_000, 9_437_184])(
    'of %i bytes come back whole and in ranges',
    async (size) => {
      const bytes = randomBytes(size);
      const put = await s3.send(new PutObjectCommand({ Bucket, Key: `size-${size}`, Body: bytes }));
      expect(put.ETag).toBe(`"${createHash('md5').update(bytes).digest('hex')}"`);
      expect(put.ServerSideEncryption).toBe('AES256');
      expect((await body(`size-${size}`)).equals(bytes)).toBe(true);
      if (size > 2) {
        for (const [from, to] of [
          [0, 0],
          [1, size - 2],
          [size - 1, size - 1],
          [Math.floor(size / 2), size - 1],
          [Math.max(0, 16_383), Math.min(size - 1, 16_384)],
        ] as const) {
          if (from > to) continue;
          const part = await body(`size-${size}`, { Range: `bytes=${from}-${to}` });
          expect(part.equals(bytes.subarray(from, to + 1))).toBe(true);
        }
        const tail = await body(`size-${size}`, { Range: 'bytes=-2' });
        expect(tail.equals(bytes.subarray(size - 2))).toBe(true);
      }
    },
  );

  test('past the end of a range answer 416 with the size', async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'range', Body: '0123456789' }));
    expect(await refusal(body('range', { Range: 'bytes=10-' }))).toEqual({
      status: 416,
      code: 'InvalidRange',
      message: 'The requested range is not satisfiable',
    });
  });

  test('keep system and user metadata, and overrides replace headers', async () => {
    await s3.send(
      new PutObjectCommand({
        Bucket,
        Key: 'meta',
        Body: 'x',
        ContentType: 'text/plain',
        CacheControl: 'no-store',
        ContentDisposition: 'attachment',
        ContentLanguage: 'de',
        ContentEncoding: 'gzip',
        Metadata: { Colour: 'Blue', empty: '' },
        StorageClass: 'STANDARD_IA',
        Tagging: 'a=1&b=2',
      }),
    );
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'meta' }));
    expect(head).toMatchObject({
      ContentType: 'text/plain',
      CacheControl: 'no-store',
      ContentDisposition: 'attachment',
      ContentLanguage: 'de',
      ContentEncoding: 'gzip',
      Metadata: { colour: 'Blue', empty: '' },
      StorageClass: 'STANDARD_IA',
      TagCount: 2,
      ContentLength: 1,
    });
    const got = await s3.send(
      new GetObjectCommand({
        Bucket,
        Key: 'meta',
        ResponseContentType: 'image/png',
        ResponseCacheControl: 'max-age=1',
      }),
    );
    expect(got).toMatchObject({ ContentType: 'image/png', CacheControl: 'max-age=1' });
  });

  test.each([
    'a b',
    'a+b',
    'a%2Bb',
    '//',
    'a//b',
    'x/../x',
    './..',
    'nul\0in',
    'ümlaut',
    '😀',
    '\u{FFFD}\u{10000}',
    'quote\'"<&>',
    'x'.repeat(1024),
    '?#',
    'a/',
    '%',
  ])('under the key %j are stored, listed and deleted', async (key) => {
    await s3.send(new PutObjectCommand({ Bucket, Key: key, Body: key }));
    expect((await body(key)).toString()).toBe(key);
    const listed = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: key, EncodingType: 'url' }));
    expect(listed.Contents?.map((one) => decodeURIComponent(one.Key!.replaceAll('+', '%20')))).toContain(key);
    await s3.send(new DeleteObjectCommand({ Bucket, Key: key }));
    expect(await refusal(body(key))).toMatchObject({ status: 404, code: 'NoSuchKey' });
  });

  test('with a key of 1,025 bytes are refused', async () => {
    expect(
      await refusal(s3.send(new PutObjectCommand({ Bucket, Key: 'k'.repeat(1025), Body: Buffer.alloc(0) }))),
    ).toMatchObject({
      status: 400,
      code: 'KeyTooLongError',
    });
  });

  test('answer conditional reads by RFC 9110', async () => {
    const { ETag } = await s3.send(new PutObjectCommand({ Bucket, Key: 'cond', Body: 'x' }));
    await expect(body('cond', { IfMatch: ETag })).resolves.toBeDefined();
    expect(await refusal(body('cond', { IfMatch: '"other"' }))).toMatchObject({
      status: 412,
      code: 'PreconditionFailed',
    });
    expect(await refusal(body('cond', { IfNoneMatch: ETag }))).toMatchObject({ status: 304 });
    expect(await refusal(body('cond', { IfUnmodifiedSince: new Date(0) }))).toMatchObject({ status: 412 });
    await expect(body('cond', { IfMatch: ETag, IfUnmodifiedSince: new Date(0) })).resolves.toBeDefined();
    await expect(body('cond', { IfModifiedSince: new Date(Date.now() + 3_600_000) })).resolves.toBeDefined();
  });

  test('are written conditionally', async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'once', Body: '1', IfNoneMatch: '*' }));
    expect(await refusal(s3.send(new PutObjectCommand({ Bucket, Key: 'once', Body: '2', IfNoneMatch: '*' })))).toEqual({
      status: 412,
      code: 'PreconditionFailed',
      message: 'At least one of the pre-conditions you specified did not hold',
    });
    const { ETag } = await s3.send(new HeadObjectCommand({ Bucket, Key: 'once' }));
    await s3.send(new PutObjectCommand({ Bucket, Key: 'once', Body: '3', IfMatch: ETag! }));
    expect(
      await refusal(s3.send(new PutObjectCommand({ Bucket, Key: 'once', Body: '4', IfMatch: ETag! }))),
    ).toMatchObject({
      status: 412,
    });
    expect(
      await refusal(s3.send(new PutObjectCommand({ Bucket, Key: 'none', Body: Buffer.alloc(0), IfMatch: '"a"' }))),
    ).toMatchObject({
      status: 404,
      code: 'NoSuchKey',
    });
  });

  test('are copied with and without their metadata', async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'src', Body: 'copy me', Metadata: { a: '1' }, Tagging: 't=1' }));
    await s3.send(new CopyObjectCommand({ Bucket, Key: 'dst', CopySource: `${Bucket}/src` }));
    expect((await body('dst')).toString()).toBe('copy me');
    expect((await s3.send(new HeadObjectCommand({ Bucket, Key: 'dst' }))).Metadata).toEqual({ a: '1' });
    await s3.send(
      new CopyObjectCommand({
        Bucket,
        Key: 'dst',
        CopySource: `${Bucket}/src`,
        MetadataDirective: 'REPLACE',
        Metadata: { b: '2' },
      }),
    );
    expect((await s3.send(new HeadObjectCommand({ Bucket, Key: 'dst' }))).Metadata).toEqual({ b: '2' });
    expect(await refusal(s3.send(new CopyObjectCommand({ Bucket, Key: 'src', CopySource: `${Bucket}/src` })))).toEqual({
      status: 400,
      code: 'InvalidRequest',
      message:
        "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    });
    expect(
      await refusal(s3.send(new CopyObjectCommand({ Bucket, Key: 'dst', CopySource: `${Bucket}/absent` }))),
    ).toMatchObject({ status: 404, code: 'NoSuchKey' });
  });

  test('tell their attributes', async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'attrs', Body: 'abcdefg', ChecksumAlgorithm: 'SHA256' }));
    const answer = await s3.send(
      new GetObjectAttributesCommand({
        Bucket,
        Key: 'attrs',
        ObjectAttributes: ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize'],
      }),
    );
    expect(answer).toMatchObject({
      ETag: createHash('md5').update('abcdefg').digest('hex'),
      ObjectSize: 7,
      StorageClass: 'STANDARD',
      Checksum: {
        ChecksumSHA256: createHash('sha256').update('abcdefg').digest('base64'),
        ChecksumType: 'FULL_OBJECT',
      },
    });
  });

  test('are deleted by the thousand', async () => {
    const keys = Array.from({ length: 1000 }, (_, i) => `bulk/${i}`);
    await Promise.all(
      Array.from({ length: 20 }, async (_, lane) => {
        for (let i = lane; i < keys.length; i += 20)
          await s3.send(new PutObjectCommand({ Bucket, Key: keys[i]!, Body: Buffer.alloc(0) }));
      }),
    );
    const answer = await s3.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: keys.map((Key) => ({ Key })) } }),
    );
    expect(answer.Deleted).toHaveLength(1000);
    expect((await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'bulk/' }))).KeyCount).toBe(0);
  });
});

describe('listings', () => {
  const name = 'listing';
  const keys = ['a/1', 'a/2', 'b', 'c/1', 'c/2/x', 'd', '\u{FFFD}', '\u{10000}'];
  beforeAll(async () => {
    await s3.send(new CreateBucketCommand({ Bucket: name }));
    for (const Key of keys) await s3.send(new PutObjectCommand({ Bucket: name, Key, Body: Key }));
  });

  test('come in UTF-8 byte order, page by page, by both versions of the operation', async () => {
    const found: string[] = [];
    let token: string | undefined;
    do {
      const page = await s3.send(new ListObjectsV2Command({ Bucket: name, MaxKeys: 3, ContinuationToken: token }));
      found.push(...page.Contents!.map((one) => one.Key!));
      token = page.NextContinuationToken;
    } while (token);
    expect(found).toEqual(keys);
    const old: string[] = [];
    let marker: string | undefined;
    for (;;) {
      const page = await s3.send(new ListObjectsCommand({ Bucket: name, MaxKeys: 3, Marker: marker }));
      old.push(...page.Contents!.map((one) => one.Key!));
      if (!page.IsTruncated) break;
      marker = old.at(-1);
    }
    expect(old).toEqual(keys);
  });

  test('roll up common prefixes and count them', async () => {
    const seen: string[] = [];
    let token: string | undefined;
    do {
      const page = await s3.send(
        new ListObjectsV2Command({ Bucket: name, Delimiter: '/', MaxKeys: 1, ContinuationToken: token }),
      );
      expect(page.KeyCount).toBe(1);
      seen.push(
        ...(page.CommonPrefixes ?? []).map((one) => one.Prefix!),
        ...(page.Contents ?? []).map((one) => one.Key!),
      );
      token = page.NextContinuationToken;
    } while (token);
    expect(seen).toEqual(['a/', 'b', 'c/', 'd', '\u{FFFD}', '\u{10000}']);
  });

  test('start after a key, and refuse a token that is not theirs', async () => {
    const page = await s3.send(new ListObjectsV2Command({ Bucket: name, StartAfter: 'c/1', MaxKeys: 2 }));
    expect(page.Contents!.map((one) => one.Key)).toEqual(['c/2/x', 'd']);
    expect(await refusal(s3.send(new ListObjectsV2Command({ Bucket: name, ContinuationToken: 'invalid' })))).toEqual({
      status: 400,
      code: 'InvalidArgument',
      message: 'The continuation token provided is incorrect',
    });
  });
});

describe('versions', () => {
  const name = 'versions';
  const versionsOf = async (Key: string) => {
    const page = await s3.send(new ListObjectVersionsCommand({ Bucket: name, Prefix: Key }));
    return [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].length;
  };

  test('are kept, read by id, hidden by delete markers and deleted for good', async () => {
    await s3.send(new CreateBucketCommand({ Bucket: name }));
    expect((await s3.send(new GetBucketVersioningCommand({ Bucket: name }))).Status).toBeUndefined();
    await s3.send(new PutObjectCommand({ Bucket: name, Key: 'k', Body: 'null version' }));
    await s3.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration: { Status: 'Enabled' } }));
    const one = await s3.send(new PutObjectCommand({ Bucket: name, Key: 'k', Body: 'one' }));
    const two = await s3.send(new PutObjectCommand({ Bucket: name, Key: 'k', Body: 'two' }));
    expect(one.VersionId).toMatch(/^[A-Za-z0-9._]{32}$/);
    const read = async (VersionId?: string) =>
      (await s3.send(new GetObjectCommand({ Bucket: name, Key: 'k', VersionId }))).Body!.transformToString();
    expect(await read()).toBe('two');
    expect(await read(one.VersionId)).toBe('one');
    expect(await read('null')).toBe('null version');
    const marker = await s3.send(new DeleteObjectCommand({ Bucket: name, Key: 'k' }));
    expect(marker.DeleteMarker).toBe(true);
    expect(await refusal(read())).toMatchObject({ status: 404, code: 'NoSuchKey' });
    expect(await refusal(read(marker.VersionId))).toEqual({
      status: 405,
      code: 'MethodNotAllowed',
      message: 'The specified method is not allowed against this resource.',
    });
    expect(await versionsOf('k')).toBe(4);
    await s3.send(new DeleteObjectCommand({ Bucket: name, Key: 'k', VersionId: marker.VersionId! }));
    expect(await read()).toBe('two');
    await s3.send(new DeleteObjectCommand({ Bucket: name, Key: 'k', VersionId: two.VersionId! }));
    expect(await read()).toBe('one');
    expect(await refusal(read(two.VersionId))).toMatchObject({ status: 404, code: 'NoSuchVersion' });
    expect(await refusal(read('not-a-version'))).toEqual({
      status: 400,
      code: 'InvalidArgument',
      message: 'Invalid version id specified',
    });
  });

  test('are paged with key and version markers', async () => {
    for (let i = 0; i < 3; i++) {
      for (const Key of ['p1', 'p2']) await s3.send(new PutObjectCommand({ Bucket: name, Key, Body: `${i}` }));
    }
    const seen: string[] = [];
    let key: string | undefined;
    let version: string | undefined;
    for (;;) {
      const page = await s3.send(
        new ListObjectVersionsCommand({
          Bucket: name,
          Prefix: 'p',
          MaxKeys: 2,
          KeyMarker: key,
          VersionIdMarker: version,
        }),
      );
      seen.push(...page.Versions!.map((one) => `${one.Key}/${one.IsLatest}`));
      if (!page.IsTruncated) break;
      key = page.NextKeyMarker;
      version = page.NextVersionIdMarker;
    }
    expect(seen).toEqual(['p1/true', 'p1/false', 'p1/false', 'p2/true', 'p2/false', 'p2/false']);
  });
});
