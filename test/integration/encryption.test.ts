import { createHash, randomBytes } from 'node:crypto';
import {
  CreateKeyCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketEncryptionCommand,
  GetBucketEncryptionCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutBucketEncryptionCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copySourceKey, customerKey } from '../support/customer-key.js';
import { refusal } from '../support/s3-error.js';
import { credentials, startServer, type TestServer } from '../support/server.js';
import { signedRequest } from '../support/signed-request.js';

let server: TestServer;
let s3: S3Client;
let keyArn: string;
let keyId: string;
const Bucket = 'encrypted';

beforeAll(async () => {
  server = await startServer();
  s3 = server.s3();
  await s3.send(new CreateBucketCommand({ Bucket }));
  const created = await server.kms().send(new CreateKeyCommand({}));
  keyArn = created.KeyMetadata!.Arn!;
  keyId = created.KeyMetadata!.KeyId!;
});
afterAll(() => server?.close());

const get = async (Key: string, extra = {}) => {
  const answer = await s3.send(new GetObjectCommand({ Bucket, Key, ...extra }));
  return { answer, text: await answer.Body!.transformToString() };
};

describe('SSE-C', () => {
  const key = customerKey();
  const Key = 'sse-c';

  test('needs the same key for reading, and answers as AWS without it or with another', async () => {
    const put = await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'secret', ...key }));
    expect(put.SSECustomerKeyMD5).toBe(key.SSECustomerKeyMD5);
    expect(put.ServerSideEncryption).toBeUndefined();
    expect(put.ETag).not.toBe(`"${createHash('md5').update('secret').digest('hex')}"`);
    expect((await get(Key, key)).text).toBe('secret');
    expect(await refusal(get(Key))).toEqual({
      status: 400,
      code: 'InvalidRequest',
      message:
        'The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.',
    });
    expect(await refusal(get(Key, customerKey()))).toEqual({
      status: 403,
      code: 'AccessDenied',
      message:
        'Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key.',
    });
    expect(await refusal(s3.send(new HeadObjectCommand({ Bucket, Key })))).toMatchObject({ status: 400 });
    expect(await refusal(s3.send(new HeadObjectCommand({ Bucket, Key, ...customerKey() })))).toMatchObject({
      status: 403,
    });
  });

  const bad = (change: object) =>
    refusal(s3.send(new PutObjectCommand({ Bucket, Key: 'bad', Body: Buffer.alloc(0), ...key, ...change })));
  const argument = (message: string) => ({ status: 400, code: 'InvalidArgument', message });

  test('validates its headers with the messages that AWS has', async () => {
    expect(await bad({ ServerSideEncryption: 'AES256' })).toEqual(
      argument(
        'Server Side Encryption with Customer provided key is incompatible with the encryption method specified',
      ),
    );
    expect(await bad({ SSECustomerAlgorithm: 'KMS' })).toEqual({
      status: 400,
      code: 'InvalidEncryptionAlgorithmError',
      message: 'The Encryption request you specified is not valid. Supported value: AES256.',
    });
    expect(await bad({ SSECustomerAlgorithm: undefined })).toEqual(
      argument(
        'Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm.',
      ),
    );
    expect(await bad({ SSECustomerKey: undefined })).toEqual(
      argument(
        'Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key.',
      ),
    );
    expect(await bad(customerKey(randomBytes(16)))).toEqual(
      argument('The secret key was invalid for the specified algorithm.'),
    );
    // The SDK computes the MD5 itself: a wrong one has to be put in behind it.
    const liar = server.s3();
    const replaceMd5 =
      (next: (args: never) => Promise<never>) =>
      (args: { request: { headers: Record<string, string> } }): Promise<never> => {
        args.request.headers['x-amz-server-side-encryption-customer-key-md5'] = createHash('md5')
          .update('x')
          .digest('base64');
        return next(args as never);
      };
    liar.middlewareStack.add(replaceMd5 as never, { step: 'build', priority: 'low' });
    expect(await refusal(liar.send(new PutObjectCommand({ Bucket, Key: 'bad', Body: 'x', ...key })))).toEqual(
      argument('The calculated MD5 hash of the key did not match the hash that was provided.'),
    );
  });

  test('works in a presigned request', async () => {
    const headers = {
      'x-amz-server-side-encryption-customer-algorithm': 'AES256',
      'x-amz-server-side-encryption-customer-key': key.SSECustomerKey,
      'x-amz-server-side-encryption-customer-key-md5': key.SSECustomerKeyMD5,
    };
    const unhoistableHeaders = new Set(Object.keys(headers));
    const url = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key, ...key }), { unhoistableHeaders });
    const answer = await fetch(url, { headers });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe('secret');
    expect((await fetch(url)).status).toBe(403);
  });

  test('is refused where the bucket blocks it', async () => {
    await s3.send(new CreateBucketCommand({ Bucket: 'blocked' }));
    await s3.send(
      new PutBucketEncryptionCommand({
        Bucket: 'blocked',
        ServerSideEncryptionConfiguration: {
          Rules: [
            {
              ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' },
              BlockedEncryptionTypes: { EncryptionType: ['SSE-C'] },
            },
          ],
        },
      }),
    );
    expect(
      await refusal(s3.send(new PutObjectCommand({ Bucket: 'blocked', Key: 'k', Body: Buffer.alloc(0), ...key }))),
    ).toMatchObject({
      status: 403,
      code: 'AccessDenied',
    });
  });

  test('keeps each version under its own key', async () => {
    await s3.send(new CreateBucketCommand({ Bucket: 'sse-c-versions' }));
    await s3.send(
      new PutBucketVersioningCommand({ Bucket: 'sse-c-versions', VersioningConfiguration: { Status: 'Enabled' } }),
    );
    const keys = [customerKey(), customerKey()];
    const ids: string[] = [];
    for (const [i, one] of keys.entries()) {
      const put = await s3.send(new PutObjectCommand({ Bucket: 'sse-c-versions', Key: 'k', Body: `v${i}`, ...one }));
      ids.push(put.VersionId!);
    }
    for (const [i, one] of keys.entries()) {
      const read = (extra: object) =>
        s3.send(new GetObjectCommand({ Bucket: 'sse-c-versions', Key: 'k', VersionId: ids[i]!, ...extra }));
      expect(await (await read(one)).Body!.transformToString()).toBe(`v${i}`);
      expect(await refusal(read(keys[1 - i]!))).toMatchObject({ status: 403 });
    }
  });
});

describe('SSE-KMS', () => {
  test('names its key, needs it enabled, and old backing keys keep decrypting', async () => {
    const kms = server.kms();
    const put = await s3.send(
      new PutObjectCommand({
        Bucket,
        Key: 'kms',
        Body: 'test-sse',
        ServerSideEncryption: 'aws:kms',
        SSEKMSKeyId: keyId,
      }),
    );
    expect(put).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: keyArn });
    expect(put.ETag).not.toBe(`"${createHash('md5').update('test-sse').digest('hex')}"`);
    expect((await get('kms')).answer).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: keyArn });
    await kms.send(new RotateKeyOnDemandCommand({ KeyId: keyId }));
    expect((await get('kms')).text).toBe('test-sse');
    await kms.send(new DisableKeyCommand({ KeyId: keyId }));
    expect(await refusal(get('kms'))).toEqual({
      status: 400,
      code: 'KMS.DisabledException',
      message: `${keyArn} is disabled.`,
    });
    expect(
      await refusal(
        s3.send(
          new PutObjectCommand({
            Bucket,
            Key: 'kms2',
            Body: Buffer.alloc(0),
            ServerSideEncryption: 'aws:kms',
            SSEKMSKeyId: keyId,
          }),
        ),
      ),
    ).toMatchObject({ code: 'KMS.DisabledException' });
    await kms.send(new EnableKeyCommand({ KeyId: keyId }));
    expect((await get('kms')).text).toBe('test-sse');
  });

  test('with an S3 Bucket Key stops opening on the next request after its key is disabled or scheduled for deletion', async () => {
    const kms = server.kms();
    const own = (await kms.send(new CreateKeyCommand({}))).KeyMetadata!;
    const put = await s3.send(
      new PutObjectCommand({
        Bucket,
        Key: 'bucket-key',
        Body: 'x',
        ServerSideEncryption: 'aws:kms',
        SSEKMSKeyId: own.Arn!,
        BucketKeyEnabled: true,
        SSEKMSEncryptionContext: Buffer.from('{"project":"coffer"}').toString('base64'),
      }),
    );
    expect(put.BucketKeyEnabled).toBe(true);
    const read = await get('bucket-key');
    expect(read.answer.BucketKeyEnabled).toBe(true);
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId: own.KeyId!, PendingWindowInDays: 7 }));
    expect(await refusal(get('bucket-key'))).toEqual({
      status: 400,
      code: 'KMS.KMSInvalidStateException',
      message: `${own.Arn} is pending deletion.`,
    });
  });

  test('refuses keys that do not exist with the messages that AWS has', async () => {
    const wrong = (SSEKMSKeyId: string) =>
      refusal(
        s3.send(
          new PutObjectCommand({
            Bucket,
            Key: 'w',
            Body: Buffer.alloc(0),
            ServerSideEncryption: 'aws:kms',
            SSEKMSKeyId,
          }),
        ),
      );
    expect(await wrong('fake-key-id')).toEqual({
      status: 400,
      code: 'KMS.NotFoundException',
      message: "Invalid keyId 'fake-key-id'",
    });
    const uuid = '134f2428-cec1-4b25-a1ae-9048164dba47';
    const arn = `arn:aws:kms:us-east-1:000000000000:key/${uuid}`;
    expect(await wrong(uuid)).toEqual({
      status: 400,
      code: 'KMS.NotFoundException',
      message: `Key '${arn}' does not exist`,
    });
    expect(await wrong(arn)).toEqual({
      status: 400,
      code: 'KMS.NotFoundException',
      message: `Key '${arn}' does not exist`,
    });
  });

  test('without a key id uses the AWS managed key, made on first use', async () => {
    const put = await s3.send(
      new PutObjectCommand({ Bucket, Key: 'managed', Body: Buffer.alloc(0), ServerSideEncryption: 'aws:kms' }),
    );
    const described = await server.kms().send(new DescribeKeyCommand({ KeyId: put.SSEKMSKeyId! }));
    expect(described.KeyMetadata).toMatchObject({
      KeyManager: 'AWS',
      Description: 'Default key that protects my S3 objects when no other key is defined',
    });
  });
});

describe('bucket defaults', () => {
  const name = 'defaults';
  const defaults = (
    SSEAlgorithm: 'AES256' | 'aws:kms' | 'aws:kms:dsse',
    BucketKeyEnabled: boolean,
    KMSMasterKeyID?: string,
  ) =>
    s3.send(
      new PutBucketEncryptionCommand({
        Bucket: name,
        ServerSideEncryptionConfiguration: {
          Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm, KMSMasterKeyID }, BucketKeyEnabled }],
        },
      }),
    );

  test('apply to what names no encryption, and fall back to AES256 when deleted', async () => {
    await s3.send(new CreateBucketCommand({ Bucket: name }));
    const initial = await s3.send(new GetBucketEncryptionCommand({ Bucket: name }));
    expect(initial.ServerSideEncryptionConfiguration?.Rules).toEqual([
      { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' }, BucketKeyEnabled: false },
    ]);
    await defaults('aws:kms', true, keyId);
    const put = await s3.send(new PutObjectCommand({ Bucket: name, Key: 'k', Body: 'x' }));
    expect(put).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: keyArn, BucketKeyEnabled: true });
    await defaults('aws:kms:dsse', false, keyId);
    const dsse = await s3.send(new PutObjectCommand({ Bucket: name, Key: 'd', Body: 'double' }));
    expect(dsse).toMatchObject({ ServerSideEncryption: 'aws:kms:dsse', SSEKMSKeyId: keyArn });
    await s3.send(new DeleteBucketEncryptionCommand({ Bucket: name }));
    expect(await s3.send(new PutObjectCommand({ Bucket: name, Key: 'k', Body: 'x' }))).toMatchObject({
      ServerSideEncryption: 'AES256',
    });
  });

  test('that make no sense are refused', async () => {
    expect(await refusal(defaults('AES256', false, keyId))).toEqual({
      status: 400,
      code: 'InvalidArgument',
      message: 'a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse',
    });
  });
});

describe('every mode', () => {
  const customer = customerKey();
  const other = customerKey();
  const modes: [name: string, write: object, read: object][] = [
    ['SSE-S3', { ServerSideEncryption: 'AES256' }, {}],
    ['SSE-KMS', { ServerSideEncryption: 'aws:kms' }, {}],
    ['SSE-KMS with bucket key', { ServerSideEncryption: 'aws:kms', BucketKeyEnabled: true }, {}],
    ['DSSE-KMS', { ServerSideEncryption: 'aws:kms:dsse' }, {}],
    ['SSE-C', customer, customer],
    ['SSE-C under another key', other, other],
  ];

  test.each(modes)('%s keeps large and small bodies, ranges and checksums', async (name, write, read) => {
    for (const size of [5, 20_000, 3_000_000]) {
      const bytes = randomBytes(size);
      const Key = `mode/${name}/${size}`;
      await s3.send(new PutObjectCommand({ Bucket, Key, Body: bytes, ChecksumAlgorithm: 'SHA256', ...write }));
      const whole = await s3.send(new GetObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED', ...read }));
      expect(Buffer.from(await whole.Body!.transformToByteArray()).equals(bytes)).toBe(true);
      expect(whole.ChecksumSHA256).toBe(createHash('sha256').update(bytes).digest('base64'));
      const part = await s3.send(new GetObjectCommand({ Bucket, Key, Range: `bytes=1-${size - 2}`, ...read }));
      expect(Buffer.from(await part.Body!.transformToByteArray()).equals(bytes.subarray(1, size - 1))).toBe(true);
      const attributes = await s3.send(
        new GetObjectAttributesCommand({ Bucket, Key, ObjectAttributes: ['Checksum', 'ObjectSize'], ...read }),
      );
      expect(attributes.ObjectSize).toBe(size);
    }
  });

  for (const [from, write, read] of modes) {
    test(`${from} is copied to every mode`, async () => {
      const bytes = randomBytes(50_000);
      await s3.send(new PutObjectCommand({ Bucket, Key: 'copy-source', Body: bytes, ...write }));
      for (const [to, target, opened] of modes) {
        const source = Object.keys(read).length ? copySourceKey(read as ReturnType<typeof customerKey>) : {};
        await s3.send(
          new CopyObjectCommand({
            Bucket,
            Key: `copy-${to}`,
            CopySource: `${Bucket}/copy-source`,
            ...source,
            ...target,
          }),
        );
        const answer = await s3.send(new GetObjectCommand({ Bucket, Key: `copy-${to}`, ...opened }));
        expect(Buffer.from(await answer.Body!.transformToByteArray()).equals(bytes)).toBe(true);
      }
    });
  }
});

describe('a copy onto itself that changes the encryption is legal', () => {
  const Key = 'in-place';
  const customer = customerKey();
  const inPlace = (more: object) =>
    s3.send(new CopyObjectCommand({ Bucket, Key, CopySource: `${Bucket}/${Key}`, ...more }));
  const illegal = {
    status: 400,
    code: 'InvalidRequest',
    message: expect.stringContaining('This copy request is illegal'),
  };

  test.each<[string, object, object]>([
    ['SSE-KMS', { ServerSideEncryption: 'aws:kms' }, {}],
    ['SSE-KMS with bucket key', { ServerSideEncryption: 'aws:kms', BucketKeyEnabled: true }, {}],
    ['DSSE-KMS', { ServerSideEncryption: 'aws:kms:dsse' }, {}],
    ['SSE-C', customer, copySourceKey(customer)],
  ])('from %s to the bucket’s default, which is no change afterwards', async (_, write, source) => {
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'same', ...write }));
    expect((await inPlace(source)).ServerSideEncryption).toBe('AES256');
    expect((await get(Key)).text).toBe('same');
    expect(await refusal(inPlace({}))).toEqual(illegal);
    // A second AES256 that is asked for by name is no "no change" either, as on AWS.
    const aes = { ServerSideEncryption: 'AES256' };
    let opening: object = {};
    for (const target of [write, { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: keyArn }, aes, aes]) {
      await inPlace({ ...target, ...opening });
      opening = target === write ? source : {};
      expect((await get(Key, target === customer ? customer : {})).text).toBe('same');
    }
  });

  test('but not one that changes nothing, nor one of what isn’t there', async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'same' }));
    expect(await refusal(inPlace({ ACL: 'private' }))).toEqual(illegal);
    expect(await refusal(inPlace({ BucketKeyEnabled: true }))).toEqual(illegal);
    const CopySource = `${Bucket}/nowhere`;
    const nowhere = s3.send(new CopyObjectCommand({ Bucket, Key: 'nowhere', CopySource }));
    expect(await refusal(nowhere)).toMatchObject({ status: 404, code: 'NoSuchKey' });
  });
});

describe('headers of encryption are refused where nothing is encrypted', () => {
  const NAMES: [string, string][] = [
    ['', 'AES256'],
    ['', 'aws:kms'],
    ['-aws-kms-key-id', 'alias/x'],
    ['-context', 'e30='],
    ['-bucket-key-enabled', 'true'],
  ];
  let uploadId: string;
  let etag: string;
  const path = `/${Bucket}/headers`;
  beforeAll(async () => {
    const upload = { Bucket, Key: 'headers' };
    await s3.send(new PutObjectCommand({ ...upload, Body: 'kept' }));
    uploadId = (await s3.send(new CreateMultipartUploadCommand(upload))).UploadId!;
    const part = { ...upload, UploadId: uploadId, PartNumber: 1, Body: 'part' };
    etag = (await s3.send(new UploadPartCommand(part))).ETag!;
  });
  const send = (method: string, target: string, query: string, headers: Record<string, string>, body = '') =>
    signedRequest(server.port, { method, path: target, query, headers, body, key: credentials });

  test.each<[string, string, string, string, string]>([
    ['GetObject', 'GET', path, '', ''],
    ['HeadObject', 'HEAD', path, '', ''],
    ['DeleteObject', 'DELETE', path, '', ''],
    ['GetObjectTagging', 'GET', path, 'tagging', ''],
    ['UploadPart', 'PUT', path, 'partNumber=1&uploadId=ID', 'x'],
    ['UploadPartCopy', 'PUT', path, 'partNumber=1&uploadId=ID', ''],
    [
      'CompleteMultipartUpload',
      'POST',
      path,
      'uploadId=ID',
      '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>TAG</ETag></Part></CompleteMultipartUpload>',
    ],
    ['ListParts', 'GET', path, 'uploadId=ID', ''],
    ['AbortMultipartUpload', 'DELETE', path, 'uploadId=ID', ''],
    ['ListObjectsV2', 'GET', `/${Bucket}`, 'list-type=2', ''],
    ['HeadBucket', 'HEAD', `/${Bucket}`, '', ''],
    ['CreateBucket', 'PUT', '/encrypted-by-header', '', ''],
    ['ListBuckets', 'GET', '/', '', ''],
  ])('%s', async (operation, method, target, query, body) => {
    const source: Record<string, string> = operation === 'UploadPartCopy' ? { 'x-amz-copy-source': path } : {};
    for (const [name, value] of NAMES) {
      const header = `x-amz-server-side-encryption${name}`;
      const headers = { ...source, [header]: value };
      const sent = query.replace('ID', uploadId);
      const answer = await send(method, target, sent, headers, body.replace('TAG', etag));
      expect(answer.status, header).toBe(400);
      if (method === 'HEAD') continue;
      expect(answer.text).toContain('<Code>InvalidArgument</Code>');
      expect(answer.text).toContain(`<Message>${header} header is not supported for this operation.</Message>`);
      expect(answer.text).toContain(`<ArgumentName>${header}</ArgumentName><ArgumentValue>${value}</ArgumentValue>`);
    }
    expect((await get('headers')).text).toBe('kept');
  });

  test('and a customer’s key, where an upload has another', async () => {
    const input = { Bucket, Key: 'headers', UploadId: uploadId };
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag: etag }] };
    const complete = { ...input, MultipartUpload, ...customerKey() };
    expect(await refusal(s3.send(new CompleteMultipartUploadCommand(complete)))).toEqual({
      status: 400,
      code: 'InvalidRequest',
      message: 'The encryption parameters are not applicable to this object.',
    });
    expect((await get('headers')).text).toBe('kept');
  });
});

describe('an encryption context that names aws:s3:arn', () => {
  const object = `arn:aws:s3:::${Bucket}/named`;
  const context = (arn: string) => Buffer.from(JSON.stringify({ a: 'b', 'aws:s3:arn': arn })).toString('base64');
  const kinds: [string, object, string][] = [
    ['SSE-KMS', { ServerSideEncryption: 'aws:kms' }, object],
    ['DSSE-KMS', { ServerSideEncryption: 'aws:kms:dsse' }, object],
    [
      'SSE-KMS with a Bucket Key',
      { ServerSideEncryption: 'aws:kms', BucketKeyEnabled: true },
      `arn:aws:s3:::${Bucket}`,
    ],
  ];
  test.each(kinds)('under %s must name what S3 names there', async (_, mode, right) => {
    const input = { Bucket, Key: 'named', ...mode };
    const write = async (arn: string, operation: string) => {
      const asked = { ...input, SSEKMSEncryptionContext: context(arn) };
      if (operation === 'PutObject') return s3.send(new PutObjectCommand({ ...asked, Body: 'x' }));
      if (operation === 'CopyObject')
        return s3.send(new CopyObjectCommand({ ...asked, CopySource: `${Bucket}/source` }));
      return s3.send(new CreateMultipartUploadCommand(asked));
    };
    await s3.send(new PutObjectCommand({ Bucket, Key: 'source', Body: 'x' }));
    for (const operation of ['PutObject', 'CopyObject', 'CreateMultipartUpload']) {
      for (const arn of [object, `arn:aws:s3:::${Bucket}`, `${object}s`, 'arn:aws:s3:::*', '']) {
        if (arn === right) await write(arn, operation);
        else {
          expect(await refusal(write(arn, operation)), `${operation} ${arn}`).toEqual({
            status: 400,
            code: 'InvalidArgument',
            message: `The context value for 'aws:s3:arn' shall be equal to ${right === object ? 'object' : 'bucket'}'s ARN`,
          });
        }
      }
    }
    // Policies compare the names of pairs without regard to case: a second one would stand beside S3's own.
    for (const pairs of [{ 'AWS:S3:ARN': right }, { 'AWS:S3:ARN': 'x' }, { 'aws:s3:arn': right, 'aws:s3:Arn': 'x' }]) {
      const asked = { ...input, SSEKMSEncryptionContext: Buffer.from(JSON.stringify(pairs)).toString('base64') };
      expect((await refusal(s3.send(new PutObjectCommand({ ...asked, Body: 'x' })))).code).toBe('InvalidArgument');
    }
    expect((await get('named')).text).toBe('x');
  });
});

test('an object that named itself in its context may get another name; a Bucket Key by default names the bucket', async () => {
  const path = `/${Bucket}/renamed`;
  const named = (arn: string) => Buffer.from(JSON.stringify({ 'aws:s3:arn': arn })).toString('base64');
  const kms = { ServerSideEncryption: 'aws:kms' as const };
  const SSEKMSEncryptionContext = named(`arn:aws:s3:::${Bucket}/old`);
  await s3.send(new PutObjectCommand({ Bucket, Key: 'old', Body: 'kept', ...kms, SSEKMSEncryptionContext }));
  const headers = { 'x-amz-rename-source': 'old' };
  const rename = { method: 'PUT', path, query: 'renameObject', headers, key: credentials };
  expect((await signedRequest(server.port, rename)).status).toBe(200);
  expect((await get('renamed')).text).toBe('kept');

  await s3.send(new CreateBucketCommand({ Bucket: 'one-key' }));
  const rule = { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' as const }, BucketKeyEnabled: true };
  const ServerSideEncryptionConfiguration = { Rules: [rule] };
  await s3.send(new PutBucketEncryptionCommand({ Bucket: 'one-key', ServerSideEncryptionConfiguration }));
  const put = (arn: string) =>
    s3.send(
      new PutObjectCommand({ Bucket: 'one-key', Key: 'k', Body: 'x', ...kms, SSEKMSEncryptionContext: named(arn) }),
    );
  expect((await put('arn:aws:s3:::one-key')).BucketKeyEnabled).toBe(true);
  expect(await refusal(put('arn:aws:s3:::one-key/k'))).toMatchObject({ status: 400, code: 'InvalidArgument' });
});

test('the SDK’s presigner: what it moves into the URL counts, and its checksum of no body is none', async () => {
  const upload = async (input: object, body = 'signed') => {
    const url = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: 'by-url', ...input }));
    return (await fetch(url, { method: 'PUT', body: Buffer.from(body) })).status;
  };
  expect(await upload({})).toBe(200);
  const ChecksumSHA256 = createHash('sha256').update('signed').digest('base64');
  expect(await upload({ ChecksumSHA256 })).toBe(200);
  expect(await upload({ ChecksumSHA256 }, 'other')).toBe(400);
  expect(await upload({ StorageClass: 'STANDARD_IA', Metadata: { a: 'b' }, ExpectedBucketOwner: '000000000000' })).toBe(
    200,
  );
  expect(await upload({ ExpectedBucketOwner: '999999999999' }, 'other')).toBe(403);
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'by-url' }));
  expect(head).toMatchObject({ StorageClass: 'STANDARD_IA', Metadata: { a: 'b' } });
  const read = await fetch(await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: 'by-url' })));
  expect(await read.text()).toBe('signed');
});
