import { createHash, randomBytes } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  type ChecksumAlgorithm,
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copySourceKey, customerKey } from '../support/customer-key.js';
import { refusal } from '../support/s3-error.js';
import { startServer, type TestServer } from '../support/server.js';

let server: TestServer;
let s3: S3Client;
const Bucket = 'multipart';
const MIN = 5 * 1024 * 1024;

beforeAll(async () => {
  server = await startServer();
  s3 = server.s3();
  await s3.send(new CreateBucketCommand({ Bucket }));
});
afterAll(() => server?.close());

const create = async (Key: string, extra = {}) =>
  (await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ...extra }))).UploadId!;

async function read(Key: string, extra = {}): Promise<Buffer> {
  const answer = await s3.send(new GetObjectCommand({ Bucket, Key, ...extra }));
  return Buffer.from(await answer.Body!.transformToByteArray());
}

describe('a multipart upload', () => {
  test('becomes an object of its listed parts, with ETag, part numbers and ranges', async () => {
    const Key = 'three';
    const UploadId = await create(Key);
    const bytes = [randomBytes(MIN), randomBytes(MIN + 12_345), randomBytes(77)];
    const parts = [];
    for (const [i, PartNumber] of [1, 5, 9].entries()) {
      const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body: bytes[i]! }));
      parts.push({ PartNumber, ETag });
    }
    await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 7, Body: 'not listed' }));
    const listed = await s3.send(new ListPartsCommand({ Bucket, Key, UploadId, MaxParts: 2 }));
    expect(listed.Parts?.map((one) => one.PartNumber)).toEqual([1, 5]);
    expect(listed.NextPartNumberMarker).toBe('5');
    const uploads = await s3.send(new ListMultipartUploadsCommand({ Bucket }));
    expect(uploads.Uploads?.map((one) => one.UploadId)).toContain(UploadId);
    const done = await s3.send(
      new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts: parts } }),
    );
    const md5s = bytes.map((one) => createHash('md5').update(one).digest());
    expect(done.ETag).toBe(`"${createHash('md5').update(Buffer.concat(md5s)).digest('hex')}-3"`);
    const whole = Buffer.concat(bytes);
    expect((await read(Key)).equals(whole)).toBe(true);
    expect((await read(Key, { Range: `bytes=${MIN - 3}-${MIN + 3}` })).equals(whole.subarray(MIN - 3, MIN + 4))).toBe(
      true,
    );
    const part = await s3.send(new GetObjectCommand({ Bucket, Key, PartNumber: 5 }));
    expect(part.PartsCount).toBe(3);
    expect(Buffer.from(await part.Body!.transformToByteArray()).equals(bytes[1]!)).toBe(true);
    expect(await refusal(read(Key, { PartNumber: 6 }))).toMatchObject({ status: 416, code: 'InvalidPartNumber' });
    const again = await s3.send(
      new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts: parts } }),
    );
    expect(again.ETag).toBe(done.ETag);
  });

  test('refuses wrong, unordered, small and missing parts as AWS does', async () => {
    const Key = 'wrong';
    const UploadId = await create(Key);
    const complete = (Parts: object[]) =>
      refusal(s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } })));
    const one = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: 'data' }));
    const two = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 2, Body: 'data' }));
    expect(
      await complete([
        { PartNumber: 2, ETag: two.ETag },
        { PartNumber: 1, ETag: one.ETag },
      ]),
    ).toMatchObject({
      code: 'InvalidPartOrder',
      message: 'The list of parts was not in ascending order. Parts must be ordered by part number.',
    });
    expect(
      await complete([
        { PartNumber: 1, ETag: one.ETag },
        { PartNumber: 2, ETag: two.ETag },
      ]),
    ).toMatchObject({
      status: 400,
      code: 'EntityTooSmall',
    });
    expect(await complete([{ PartNumber: 3, ETag: one.ETag }])).toMatchObject({ code: 'InvalidPart' });
    expect(await complete([{ PartNumber: 1, ETag: '"d41d8cd98f00b204e9800998ecf8427e"' }])).toMatchObject({
      code: 'InvalidPart',
    });
    expect(
      await refusal(
        s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 10_001, Body: Buffer.alloc(0) })),
      ),
    ).toMatchObject({ message: 'Part number must be an integer between 1 and 10000, inclusive' });
    await s3.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
    for (const call of [
      new AbortMultipartUploadCommand({ Bucket, Key, UploadId }),
      new AbortMultipartUploadCommand({ Bucket, Key, UploadId: 'fakeid' }),
    ]) {
      expect(await refusal(s3.send(call))).toEqual({
        status: 404,
        code: 'NoSuchUpload',
        message:
          'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
      });
    }
    expect(await refusal(read(Key))).toMatchObject({ code: 'NoSuchKey' });
  });

  const customer = customerKey();
  test.each([
    ['SSE-S3', {}, {}],
    ['SSE-KMS', { ServerSideEncryption: 'aws:kms' }, {}],
    ['SSE-KMS with bucket key', { ServerSideEncryption: 'aws:kms', BucketKeyEnabled: true }, {}],
    ['DSSE-KMS', { ServerSideEncryption: 'aws:kms:dsse' }, {}],
    ['SSE-C', customer, customer],
  ])('works under %s, with a part copied from another object', async (name, write, key) => {
    const Key = `mode/${name}`;
    const source = randomBytes(MIN + 10);
    await s3.send(new PutObjectCommand({ Bucket, Key: 'part-source', Body: source, ...key }));
    const UploadId = await create(Key, write);
    const isCustomer = Object.keys(key).length > 0;
    const one = await s3.send(
      new UploadPartCopyCommand({
        Bucket,
        Key,
        UploadId,
        PartNumber: 1,
        CopySource: `${Bucket}/part-source`,
        CopySourceRange: `bytes=3-${MIN + 4}`,
        ...key,
        ...(isCustomer ? copySourceKey(key as ReturnType<typeof customerKey>) : {}),
      }),
    );
    const last = randomBytes(1000);
    const two = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 2, Body: last, ...key }));
    const Parts = [
      { PartNumber: 1, ETag: one.CopyPartResult!.ETag },
      { PartNumber: 2, ETag: two.ETag },
    ];
    await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts }, ...key }));
    expect((await read(Key, key)).equals(Buffer.concat([source.subarray(3, MIN + 5), last]))).toBe(true);
  });

  test('under SSE-C needs the key that began it, in the words that AWS has', async () => {
    const Key = 'sse-c-validation';
    const plain = await create(Key);
    const sealed = await create(Key, customer);
    const part = (UploadId: string, key: object) =>
      refusal(s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: 'x', ...key })));
    const missing =
      'The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.';
    expect(await part(plain, customer)).toEqual({ status: 400, code: 'InvalidRequest', message: missing });
    expect(await part(sealed, {})).toEqual({ status: 400, code: 'InvalidRequest', message: missing });
    expect(await part(sealed, customerKey())).toEqual({
      status: 400,
      code: 'InvalidRequest',
      message: 'The provided encryption parameters did not match the ones used originally.',
    });
  });

  test.each([
    ['CRC32', 'FULL_OBJECT'],
    ['CRC32', 'COMPOSITE'],
    ['CRC32C', 'FULL_OBJECT'],
    ['CRC32C', 'COMPOSITE'],
    ['CRC64NVME', 'FULL_OBJECT'],
    ['SHA1', 'COMPOSITE'],
    ['SHA256', 'COMPOSITE'],
  ] as const)('carries %s checksums of type %s', async (algorithm, type) => {
    const Key = `checksum/${algorithm}/${type}`;
    const bytes = randomBytes(2 * MIN + 5);
    const upload = new Upload({
      client: s3,
      params: { Bucket, Key, Body: bytes, ChecksumAlgorithm: algorithm as ChecksumAlgorithm, ChecksumType: type },
      partSize: MIN,
    });
    await upload.done();
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }));
    const value = head[`Checksum${algorithm}` as keyof typeof head] as string;
    expect(head.ChecksumType).toBe(type);
    expect(value).toMatch(type === 'COMPOSITE' ? /-3$/ : /=$/);
    const attributes = await s3.send(
      new GetObjectAttributesCommand({ Bucket, Key, ObjectAttributes: ['Checksum', 'ObjectParts', 'ObjectSize'] }),
    );
    expect(attributes.ObjectSize).toBe(bytes.length);
    expect(attributes.ObjectParts?.TotalPartsCount).toBe(3);
    expect((await read(Key)).equals(bytes)).toBe(true);
  });
});
