import { createHash, randomBytes } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetBucketAclCommand,
  GetBucketCorsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutBucketAclCommand,
  PutBucketCorsCommand,
  PutBucketVersioningCommand,
  PutObjectAclCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { customerKey } from '../support/customer-key.js';
import { refusal } from '../support/s3-error.js';
import { credentials, startServer, type TestServer } from '../support/server.js';
import { signedRequest } from '../support/signed-request.js';

let server: TestServer;
let s3: S3Client;
const Bucket = 'codes';
const MIN = 5 * 1024 * 1024;

beforeAll(async () => {
  server = await startServer();
  s3 = server.s3();
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutObjectCommand({ Bucket, Key: 'ten', Body: '0123456789' }));
});
afterAll(() => server?.close());

const raw = (method: string, path: string, query = '', headers: Record<string, string> = {}, body = '') =>
  signedRequest(server.port, { method, path, query, headers, body, key: credentials });
const code = (text: string): string | undefined => /<Code>(.*)<\/Code>/.exec(text)?.[1];
const told = async (...request: Parameters<typeof raw>) => {
  const { status, text } = await raw(...request);
  return [status, code(text), /<Message>(.*)<\/Message>/.exec(text)?.[1]];
};
const create = async (Key: string, extra = {}) =>
  (await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ...extra }))).UploadId!;
const upload = async (Key: string, UploadId: string, PartNumber: number, Body: string | Buffer, extra = {}) => ({
  PartNumber,
  ETag: (await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body, ...extra }))).ETag,
});
const complete = (Key: string, UploadId: string, Parts: object[] | undefined, extra = {}) =>
  s3.send(
    new CompleteMultipartUploadCommand({
      Bucket,
      Key,
      UploadId,
      ...(Parts && { MultipartUpload: { Parts } }),
      ...extra,
    }),
  );

describe('CompleteMultipartUpload', () => {
  const customer = customerKey();
  test.each([
    ['SSE-S3', {}, {}, undefined],
    ['SSE-KMS', { ServerSideEncryption: 'aws:kms' }, {}, undefined],
    ['SSE-C', customer, customer, undefined],
    ['an algorithm', { ChecksumAlgorithm: 'CRC32C', ChecksumType: 'FULL_OBJECT' }, {}, 'CRC32C'],
    [
      'a composite checksum under a KMS key',
      { ServerSideEncryption: 'aws:kms', ChecksumAlgorithm: 'SHA256' },
      {},
      'SHA256',
    ],
  ])('asked many times at once, and again, is answered alike: %s', async (name, write, key, algorithm) => {
    const Key = `at once/${name}`;
    const UploadId = await create(Key, write);
    const bodies = [randomBytes(MIN), randomBytes(10)];
    const named = algorithm && { ChecksumAlgorithm: algorithm as 'SHA256' };
    const parts: object[] = [];
    for (const [i, Body] of bodies.entries()) {
      const { $metadata: _, ...part } = await s3.send(
        new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: i + 1, Body, ...key, ...named }),
      );
      const { ChecksumCRC32C, ChecksumSHA256 } = part;
      parts.push({ PartNumber: i + 1, ETag: part.ETag, ChecksumCRC32C, ChecksumSHA256 });
    }
    const asked = (extra = {}) => complete(Key, UploadId, parts, { ...key, ...extra });
    const answers = await Promise.all([asked(), asked({ IfNoneMatch: '*' }), asked(), asked({ IfNoneMatch: '*' })]);
    answers.push(await asked());
    const shown = answers.map(({ $metadata, ...answer }) => [$metadata.httpStatusCode, answer]);
    for (const one of shown) expect(one).toEqual(shown[0]);
    const [status, answer] = shown[0] as [number, Record<string, string>];
    expect(status).toBe(200);
    expect(answer.Location).toBe(`${server.url}/${Bucket}/${encodeURIComponent(Key)}`);
    // What AWS chose by itself it doesn't tell under a KMS key, and does in any other answer.
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED', ...key }));
    expect(head.ChecksumType).toBeDefined();
    expect(answer.ChecksumType).toBe(name === 'SSE-KMS' ? undefined : head.ChecksumType);
    const got = await s3.send(new GetObjectCommand({ Bucket, Key, ...key }));
    expect(Buffer.from(await got.Body!.transformToByteArray()).equals(Buffer.concat(bodies))).toBe(true);
  });

  test('at once with other lists leaves one object of one list', async () => {
    const Key = 'other lists';
    const UploadId = await create(Key);
    const parts = [];
    for (const [i, text] of ['a', 'b', 'c'].entries()) {
      parts.push(await upload(Key, UploadId, i + 1, text.repeat(i === 2 ? 3 : MIN)));
    }
    const lists = [[parts[0], parts[2]], [parts[1], parts[2]], [parts[2]]] as object[][];
    const etags = await Promise.all(lists.map(async (list) => (await complete(Key, UploadId, list)).ETag));
    expect(new Set(etags).size).toBe(1);
    const got = await s3.send(new GetObjectCommand({ Bucket, Key }));
    expect(got.ETag).toBe(etags[0]);
    expect(await got.Body!.transformToString()).toMatch(/^(a{5242880}|b{5242880}|)ccc$/);
  });

  test('and a part put again meanwhile: the object has the one or the other, or the part finds no upload', async () => {
    const Key = 'put again';
    const UploadId = await create(Key);
    const first = await upload(Key, UploadId, 1, 'a'.repeat(100_000));
    const again = upload(Key, UploadId, 1, 'b'.repeat(100_000)).catch(() => undefined);
    const done = await complete(Key, UploadId, [first]).catch(() => undefined);
    await again;
    if (!done) return;
    const got = await s3.send(new GetObjectCommand({ Bucket, Key }));
    expect(await got.Body!.transformToString()).toBe('a'.repeat(100_000));
  });

  test('without a body, with an empty list, of an unknown id, with an impossible part number', async () => {
    const Key = 'refused';
    const UploadId = await create(Key);
    const part = await upload(Key, UploadId, 1, 'x');
    expect(await refusal(complete(Key, UploadId, undefined))).toEqual({
      status: 400,
      code: 'InvalidRequest',
      message: 'You must specify at least one part',
    });
    expect(await refusal(complete(Key, UploadId, []))).toMatchObject({ status: 400, code: 'MalformedXML' });
    for (const Parts of [undefined, [part]]) {
      expect(await refusal(complete(Key, 'unknown', Parts))).toMatchObject({ status: 404, code: 'NoSuchUpload' });
    }
    expect(await refusal(complete(Key, UploadId, [{ ...part, PartNumber: 0 }]))).toMatchObject({
      code: 'InvalidArgument',
      message: 'PartNumber must be >= 1',
    });
  });

  test('of an upload without an algorithm passes over a composite checksum; its parts are told with none', async () => {
    const Key = 'no algorithm';
    const UploadId = await create(Key);
    const path = `/${Bucket}/no%20algorithm`;
    const { headers } = await raw('PUT', path, `partNumber=1&uploadId=${UploadId}`, {}, 'body');
    expect([...headers.keys()].filter((name) => name.startsWith('x-amz-checksum'))).toEqual([]);
    const listed = await s3.send(new ListPartsCommand({ Bucket, Key, UploadId }));
    expect(Object.keys(listed.Parts![0]!).filter((name) => name.startsWith('Checksum'))).toEqual([]);
    const parts = [{ PartNumber: 1, ETag: headers.get('etag') }];
    const done = await complete(Key, UploadId, parts, { ChecksumCRC32: 'AAAAAA==-1' });
    expect(done).toMatchObject({ ChecksumType: 'FULL_OBJECT', ChecksumCRC64NVME: expect.any(String) });
    const part = await s3.send(new GetObjectCommand({ Bucket, Key, PartNumber: 1, ChecksumMode: 'ENABLED' }));
    expect(part.ChecksumType).toBeUndefined();
    // A part's own checksum, sent, is answered.
    const other = await create('other');
    const sent = {
      Bucket,
      Key: 'other',
      UploadId: other,
      PartNumber: 1,
      Body: 'x',
      ChecksumAlgorithm: 'CRC32C' as const,
    };
    expect((await s3.send(new UploadPartCommand(sent))).ChecksumCRC32C).toBeDefined();
  });
});

describe('ListMultipartUploads', () => {
  test('goes on behind an upload that ended meanwhile, and refuses another key’s as marker', async () => {
    const [one, two, other] = [await create('m/1'), await create('m/1'), await create('m/2')];
    const list = (KeyMarker: string, UploadIdMarker: string) =>
      s3.send(new ListMultipartUploadsCommand({ Bucket, Prefix: 'm/', KeyMarker, UploadIdMarker }));
    const ids = async (...page: Parameters<typeof list>) => (await list(...page)).Uploads?.map((u) => u.UploadId);
    expect(await ids('m/1', one)).toEqual([two, other]);
    await raw('DELETE', `/${Bucket}/m/1`, `uploadId=${one}`);
    expect(await ids('m/1', one)).toEqual([two, other]);
    for (const marker of [other, 'nonsense']) {
      expect(await refusal(list('m/1', marker))).toEqual({
        status: 400,
        code: 'InvalidArgument',
        message: 'Invalid uploadId marker',
      });
    }
    expect(await ids('', other)).toEqual([two, other]);
  });
});

describe('the source of a copy', () => {
  const COPY = 'x-amz-copy-source';
  test.each([
    ['https://codes.s3.amazonaws.com/ten', 'Invalid copy source bucket name'],
    ['s3://codes/ten', 'Invalid copy source bucket name'],
    ['//ten', 'Invalid copy source bucket name'],
    ['codes', 'Invalid copy source object key'],
    ['codes/', 'Invalid copy source object key'],
    ['codes/%zz', 'Invalid copy source encoding'],
    ['codes/100%', 'Invalid copy source encoding'],
    ['codes/%ff', 'Invalid copy source encoding'],
  ])('%s is refused: %s', async (source, message) => {
    const uploadId = await create('copied');
    for (const query of ['', `partNumber=1&uploadId=${uploadId}`]) {
      expect(await told('PUT', `/${Bucket}/copied`, query, { [COPY]: source })).toEqual([
        400,
        'InvalidArgument',
        message,
      ]);
    }
  });

  test('may be the null version, which without versioning is the only one', async () => {
    const CopySource = `${Bucket}/ten?versionId=null`;
    expect(
      (await s3.send(new CopyObjectCommand({ Bucket, Key: 'copied', CopySource }))).CopyObjectResult,
    ).toBeDefined();
    expect(await refusal(s3.send(new CopyObjectCommand({ Bucket, Key: 'ten', CopySource })))).toMatchObject({
      code: 'InvalidRequest',
      message: expect.stringMatching(/^This copy request is illegal/),
    });
  });

  test('ranges behind its end are refused in AWS’s words', async () => {
    const UploadId = await create('part');
    const copy = (CopySourceRange: string) =>
      refusal(
        s3.send(
          new UploadPartCopyCommand({
            ...{ Bucket, Key: 'part', UploadId, PartNumber: 1, CopySource: `${Bucket}/ten`, CopySourceRange },
          }),
        ),
      );
    expect(await copy('bytes=100-200')).toEqual({
      status: 400,
      code: 'InvalidRequest',
      message: 'The specified copy range is invalid for the source object size',
    });
    expect(await copy('bytes=0-100')).toEqual({
      status: 400,
      code: 'InvalidArgument',
      message: 'Range specified is not valid for source object of size: 10',
    });
  });

  test('stands in copies alone', async () => {
    for (const [method, query] of [
      ['GET', ''],
      ['DELETE', ''],
      ['PUT', 'tagging'],
      ['POST', 'uploads'],
    ] as const) {
      const answer = await told(method, `/${Bucket}/ten`, query, { [COPY]: 'codes/ten' });
      expect(answer).toEqual([400, 'InvalidArgument', 'You can only specify a copy source header for copy requests.']);
    }
  });
});

test('a bucket made again keeps its place: no other region, no tags, and the ACL that is asked for', async () => {
  const again = (extra = {}) => s3.send(new CreateBucketCommand({ Bucket: 'again', ...extra }));
  const acl = async () => (await s3.send(new GetBucketAclCommand({ Bucket: 'again' }))).Grants?.length;
  expect((await again()).Location).toBe('/again');
  await again({ ACL: 'public-read' });
  expect(await acl()).toBe(2);
  await again();
  expect(await acl()).toBe(1);
  for (const [Name, LocationConstraint] of [
    ['again', 'eu-west-1'],
    ['elsewhere', undefined],
    ['elsewhere', 'eu-west-1'],
  ] as const) {
    if (Name === 'elsewhere' && !LocationConstraint) {
      const made = new CreateBucketCommand({
        Bucket: Name,
        CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' },
      });
      expect((await s3.send(made)).Location).toBe(`${server.url}/elsewhere/`);
    }
    const config = LocationConstraint && { CreateBucketConfiguration: { LocationConstraint } };
    expect(await refusal(s3.send(new CreateBucketCommand({ Bucket: Name, ...config })))).toMatchObject({
      status: 409,
      code: 'BucketAlreadyOwnedByYou',
    });
  }
});

test('nobody who doesn’t sign is told owners', async () => {
  await s3.send(new CreateBucketCommand({ Bucket: 'public', ACL: 'public-read' }));
  await s3.send(new PutObjectCommand({ Bucket: 'public', Key: 'k', Body: 'x' }));
  for (const query of ['', 'list-type=2&fetch-owner=true', 'versions']) {
    const { text } = await signedRequest(server.port, { method: 'GET', path: '/public', query });
    expect(text).toContain('<Key>k</Key>');
    expect(text).not.toContain('<Owner>');
    const signed = await raw('GET', '/public', query);
    expect(signed.text).toMatch(/<Owner><ID>[0-9a-f]{64}<\/ID><\/Owner>/);
    expect(signed.text).toMatch(/<LastModified>[\d-]+T[\d:]+\.000Z</);
  }
});

test('grantees are looked at before ACLs are refused', async () => {
  const own = { Bucket: 'enforced', ObjectOwnership: 'BucketOwnerEnforced' as const };
  await s3.send(new CreateBucketCommand(own));
  await s3.send(new PutObjectCommand({ Bucket: 'enforced', Key: 'k', Body: 'x' }));
  const to = (GrantRead: string) => [
    () => s3.send(new PutBucketAclCommand({ Bucket: 'enforced', GrantRead })),
    () => s3.send(new PutObjectAclCommand({ Bucket: 'enforced', Key: 'k', GrantRead })),
    () => s3.send(new PutObjectCommand({ Bucket: 'enforced', Key: 'k', GrantRead })),
  ];
  for (const call of to('id="nobody"')) expect(await refusal(call())).toMatchObject({ code: 'InvalidArgument' });
  for (const call of to('uri="http://acs.amazonaws.com/groups/global/AllUsers"')) {
    expect(await refusal(call())).toMatchObject({ code: 'AccessControlListNotSupported' });
  }
});

test('a version that is gone already is deleted; an id that is none is missing', async () => {
  await s3.send(new CreateBucketCommand({ Bucket: 'versions' }));
  const VersioningConfiguration = { Status: 'Enabled' as const };
  await s3.send(new PutBucketVersioningCommand({ Bucket: 'versions', VersioningConfiguration }));
  const { VersionId } = await s3.send(new PutObjectCommand({ Bucket: 'versions', Key: 'k', Body: 'x' }));
  const remove = (id: string) =>
    s3.send(new DeleteObjectsCommand({ Bucket: 'versions', Delete: { Objects: [{ Key: 'k', VersionId: id }] } }));
  for (let i = 0; i < 2; i++) expect((await remove(VersionId!)).Deleted).toEqual([{ Key: 'k', VersionId }]);
  expect((await remove('nonsense')).Errors).toMatchObject([{ Code: 'NoSuchVersion' }]);
});

describe('a GET', () => {
  test('of the last bytes of nothing is all of it; other ranges of nothing are not', async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'empty', Body: '' }));
    for (const method of ['GET', 'HEAD']) {
      const answer = await raw(method, `/${Bucket}/empty`, '', { range: 'bytes=-5' });
      expect([answer.status, answer.headers.get('content-length')]).toEqual([200, '0']);
    }
    for (const range of ['bytes=0-', 'bytes=0-0', 'bytes=-0']) {
      expect((await told('GET', `/${Bucket}/empty`, '', { range })).slice(0, 2)).toEqual([416, 'InvalidRange']);
    }
  });

  test('and a PUT miss no quote of an ETag on either side', async () => {
    const etag = createHash('md5').update('0123456789').digest('hex');
    for (const sent of [`"${etag}"`, `"${etag}`, `${etag}"`, etag]) {
      expect((await raw('GET', `/${Bucket}/ten`, '', { 'if-match': sent })).status).toBe(200);
      expect((await raw('HEAD', `/${Bucket}/ten`, '', { 'if-none-match': sent })).status).toBe(304);
      expect((await raw('PUT', `/${Bucket}/ten`, '', { 'if-match': sent }, '0123456789')).status).toBe(200);
    }
    expect((await raw('GET', `/${Bucket}/ten`, '', { 'if-match': `"${etag.slice(1)}` })).status).toBe(412);
  });

  test.each([16, 31, 33])('with a customer’s key of %i bytes is refused as a PUT is', async (length) => {
    const key = randomBytes(length);
    const prefix = 'x-amz-server-side-encryption-customer';
    const headers = {
      [`${prefix}-algorithm`]: 'AES256',
      [`${prefix}-key`]: key.toString('base64'),
      [`${prefix}-key-md5`]: createHash('md5').update(key).digest('base64'),
    };
    await s3.send(new PutObjectCommand({ Bucket, Key: 'sealed', Body: 'x', ...customerKey() }));
    for (const path of [`/${Bucket}/sealed`, `/${Bucket}/ten`]) {
      for (const method of ['GET', 'PUT']) {
        expect(await told(method, path, '', headers)).toEqual([
          400,
          'InvalidArgument',
          'The secret key was invalid for the specified algorithm.',
        ]);
      }
      expect((await raw('HEAD', path, '', headers)).status).toBe(400);
    }
  });

  test('of attributes that aren’t named', async () => {
    const name = 'x-amz-object-attributes';
    const message = `The ${name} header specifying the attributes to be retrieved is either missing or empty`;
    for (const headers of [{}, { [name]: '' }] as Record<string, string>[]) {
      expect(await told('GET', `/${Bucket}/ten`, 'attributes', headers)).toEqual([400, 'InvalidRequest', message]);
    }
    expect(await told('GET', `/${Bucket}/ten`, 'attributes', { [name]: 'ETag,Nonsense' })).toEqual([
      400,
      'InvalidArgument',
      'Invalid attribute name specified.',
    ]);
  });

  test.each([
    ['versions', 'InvalidRequest', 'There is no such thing as the ?versions sub-resource for a key'],
    ['policy', 'InvalidRequest', 'There is no such thing as the ?policy sub-resource for a key'],
    ['uploads', 'InvalidRequest', 'Key is not expected for the GET method ?uploads subresource'],
    ['logging', 'NoLoggingStatusForKey', 'There is no such thing as a logging status sub-resource for a key.'],
    ['acl&tagging', 'InvalidArgument', 'Conflicting query string parameters: acl, tagging'],
  ])('of a key with ?%s is %s', async (query, ...expected) => {
    expect(await told('GET', `/${Bucket}/ten`, query)).toEqual([400, ...expected]);
  });

  test.each(['torrent', 'retention', 'legal-hold', 'uploadId=x'])('of a bucket with ?%s lacks a key', async (query) => {
    expect(await told('GET', `/${Bucket}`, query)).toEqual([400, 'InvalidRequest', 'A key must be specified']);
  });

  test.each(['Bearer token', 'Basic dXNlcjpwYXNz'])('with Authorization: %s', async (authorization) => {
    const { status, text } = await signedRequest(server.port, {
      ...{ method: 'GET', path: `/${Bucket}/ten`, headers: { authorization } },
    });
    expect([status, code(text)]).toEqual([400, 'InvalidArgument']);
    expect(text).toContain('<Message>Unsupported Authorization Type</Message>');
    expect(text).not.toContain(authorization.split(' ')[1]);
  });
});

describe('a PUT', () => {
  test('with a redirect that leads nowhere, or too far', async () => {
    const to = (location: string) =>
      told('PUT', `/${Bucket}/redirect`, '', { 'x-amz-website-redirect-location': location }, 'x');
    for (const location of ['elsewhere', 'ftp://x', `/${'x'.repeat(2048)}`]) {
      expect((await to(location)).slice(0, 2)).toEqual([400, 'InvalidRedirectLocation']);
    }
    expect((await to(`/${'x'.repeat(2047)}`))[0]).toBe(200);
  });

  test('of a part without its upload never becomes the object', async () => {
    expect(await told('PUT', `/${Bucket}/ten`, 'partNumber=1', {}, 'other')).toEqual([
      400,
      'InvalidArgument',
      'This operation does not accept partNumber without uploadId',
    ]);
    expect((await raw('GET', `/${Bucket}/ten`)).text).toBe('0123456789');
  });

  test('with more than 2 KB of metadata, or more than 8 KB of headers', async () => {
    const put = (bytes: number) =>
      told('PUT', `/${Bucket}/large`, '', { 'x-amz-meta-a': 'x'.repeat(bytes) }, 'x').then((one) => one.slice(0, 2));
    expect(await put(2047)).toEqual([200, undefined]);
    expect(await put(2048)).toEqual([400, 'MetadataTooLarge']);
    expect(await put(7000)).toEqual([400, 'MetadataTooLarge']);
    expect(await put(8192)).toEqual([400, 'RequestHeaderSectionTooLarge']);
  });

  test('of negative CORS ages is kept as it is', async () => {
    const rule = { AllowedMethods: ['GET'], AllowedOrigins: ['*'], MaxAgeSeconds: -1 };
    await s3.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules: [rule] } }));
    expect((await s3.send(new GetBucketCorsCommand({ Bucket }))).CORSRules).toEqual([rule]);
  });

  test('in chunks under 8 KiB is refused where another follows', async () => {
    const put = (sizes: number[]) => {
      const chunks = [...sizes, 0].map((size) => `${size.toString(16)}\r\n${'x'.repeat(size)}${size ? '\r\n' : ''}`);
      const length = sizes.reduce((sum, size) => sum + size, 0);
      return signedRequest(server.port, {
        ...{
          method: 'PUT',
          path: `/${Bucket}/chunks`,
          key: credentials,
          payload: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
        },
        headers: { 'content-encoding': 'aws-chunked', 'x-amz-decoded-content-length': String(length) },
        body: `${chunks.join('')}\r\n`,
      });
    };
    for (const sizes of [[1], [8191], [8192, 1], [9000, 8192, 8191], []]) expect((await put(sizes)).status).toBe(200);
    for (const sizes of [
      [8191, 1],
      [1, 9000],
      [8192, 100, 8192],
    ]) {
      const answer = await put(sizes);
      expect([answer.status, code(answer.text)]).toEqual([403, 'InvalidChunkSizeError']);
    }
  });
});

test('what a bucket has none of is answered as AWS does', async () => {
  const kinds = ['analytics', 'inventory', 'metrics', 'intelligent-tiering'];
  for (const query of ['logging', 'notification', ...kinds]) {
    expect((await raw('GET', `/${Bucket}`, query)).status).toBe(200);
  }
  for (const query of kinds) {
    for (const method of ['GET', 'DELETE']) {
      expect((await told(method, `/${Bucket}`, `id=x&${query}`)).slice(0, 2)).toEqual([404, 'NoSuchConfiguration']);
    }
  }
  expect((await told('GET', `/${Bucket}`, 'website')).slice(0, 2)).toEqual([404, 'NoSuchWebsiteConfiguration']);
  expect((await raw('DELETE', `/${Bucket}`, 'website')).status).toBe(204);
  const put = (query: string, body: string) => raw('PUT', `/${Bucket}`, query, {}, body);
  expect((await put('logging', '<BucketLoggingStatus/>')).status).toBe(200);
  expect((await put('notification', '<NotificationConfiguration/>')).status).toBe(200);
  const events = '<NotificationConfiguration><EventBridgeConfiguration/></NotificationConfiguration>';
  const refused = await put('notification', events);
  expect([refused.status, code(refused.text)]).toEqual([501, 'NotImplemented']);
  expect(refused.text).toContain('PutBucketNotificationConfiguration');
});
