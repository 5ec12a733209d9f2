import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  GenerateDataKeyCommand,
  KMSClient,
  PutKeyPolicyCommand,
  ScheduleKeyDeletionCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutBucketEncryptionCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refusal } from '../support/s3-error.js';
import { startServer, type TestServer } from '../support/server.js';

const MAIN = '111111111111';
const OTHER = '222222222222';
const Bucket = 'kms-objects';

let server: TestServer;
let dir: string;
/** The key of the tests that change nothing about it. */
let keyArn: string;

const credentials = (name: string) => ({
  accessKeyId: `AKIA${name.toUpperCase().padEnd(16, 'X')}`,
  secretAccessKey: `secret-of-${name}-0123456789`,
});
const config = (name: string) => ({
  endpoint: server.url,
  region: 'us-east-1',
  credentials: credentials(name),
  maxAttempts: 1,
});
const s3 = (name: string) => new S3Client({ ...config(name), forcePathStyle: true });
const kms = (name: string) => new KMSClient(config(name));
const createKey = async (name: string, input = {}): Promise<string> =>
  (await kms(name).send(new CreateKeyCommand(input))).KeyMetadata!.Arn!;
const userArn = (name: string): string => `arn:aws:iam::${MAIN}:user/${name}`;

/** What each user may ask the key service for; all may do everything of S3. */
const RIGHTS: Record<string, string[]> = {
  both: ['kms:GenerateDataKey', 'kms:Decrypt'],
  generator: ['kms:GenerateDataKey'],
  decrypter: ['kms:Decrypt'],
  neither: [],
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'coffer-sse-kms-'));
  const file = join(dir, 'accounts.json');
  const allow = (Action: string[]) => ({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action, Resource: '*' }],
  });
  const users = Object.entries(RIGHTS).map(([userName, actions]) => ({
    userName,
    accessKeys: [credentials(userName)],
    policies: [allow(['s3:*', ...actions])],
  }));
  const accounts = [
    { accountId: MAIN, name: 'main', accessKeys: [credentials('main')], users },
    { accountId: OTHER, name: 'other', accessKeys: [credentials('other')] },
  ];
  await writeFile(file, JSON.stringify({ accounts }));
  server = await startServer({
    env: {
      COFFER_ACCESS_KEY_ID: '',
      COFFER_SECRET_ACCESS_KEY: '',
      COFFER_ACCOUNTS_FILE: file,
      COFFER_DAY_SECONDS: '1',
    },
  });
  await s3('main').send(new CreateBucketCommand({ Bucket }));
  keyArn = await createKey('main');
});
afterAll(async () => {
  await server?.close();
  await rm(dir, { recursive: true, force: true });
});

const denied = (name: string, action: string, arn: string) => ({
  status: 403,
  code: 'AccessDenied',
  message: expect.stringContaining(
    `User: ${userArn(name)} is not authorized to perform: ${action} on resource: ${arn} because no identity-based policy allows the ${action} action`,
  ),
});

type Mode = { name: string; write: (SSEKMSKeyId: string) => object };
const MODES: Mode[] = [
  { name: 'SSE-KMS', write: (SSEKMSKeyId) => ({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId }) },
  {
    name: 'SSE-KMS with an S3 Bucket Key',
    write: (SSEKMSKeyId) => ({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId, BucketKeyEnabled: true }),
  },
  { name: 'DSSE-KMS', write: (SSEKMSKeyId) => ({ ServerSideEncryption: 'aws:kms:dsse', SSEKMSKeyId }) },
];

/** What is there before a user tries: made by the account's root. */
interface Ground {
  write: object;
  Key: string;
  UploadId: string;
  part: { PartNumber: number; ETag: string };
}

async function ground({ name, write }: Mode, arn: string): Promise<Ground> {
  const root = s3('main');
  const Key = `ground/${name}`;
  await root.send(new PutObjectCommand({ Bucket, Key, Body: 'x', ...write(arn) }));
  const { UploadId } = await root.send(new CreateMultipartUploadCommand({ Bucket, Key: 'up', ...write(arn) }));
  const put = await root.send(new UploadPartCommand({ Bucket, Key: 'up', UploadId, PartNumber: 1, Body: 'x' }));
  return { write: write(arn), Key, UploadId: UploadId!, part: { PartNumber: 1, ETag: put.ETag! } };
}

type Call = [name: string, needs: string[], send: (client: S3Client, ground: Ground) => Promise<unknown>];
const G = 'kms:GenerateDataKey';
const D = 'kms:Decrypt';
/** What AWS documents for each operation; in the order in which they are asked for. */
const CALLS: Call[] = [
  ['PutObject', [G], (c, { write }) => c.send(new PutObjectCommand({ Bucket, Key: 'p', Body: 'x', ...write }))],
  ['GetObject', [D], (c, { Key }) => c.send(new GetObjectCommand({ Bucket, Key }))],
  ['GetObject of a range', [D], (c, { Key }) => c.send(new GetObjectCommand({ Bucket, Key, Range: 'bytes=0-0' }))],
  ['HeadObject', [], (c, { Key }) => c.send(new HeadObjectCommand({ Bucket, Key }))],
  [
    'HeadObject with its checksum',
    [D],
    (c, { Key }) => c.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' })),
  ],
  [
    'GetObjectAttributes',
    [],
    (c, { Key }) => c.send(new GetObjectAttributesCommand({ Bucket, Key, ObjectAttributes: ['ETag', 'ObjectSize'] })),
  ],
  [
    'GetObjectAttributes with its checksum',
    [D],
    (c, { Key }) => c.send(new GetObjectAttributesCommand({ Bucket, Key, ObjectAttributes: ['Checksum'] })),
  ],
  [
    'CopyObject',
    [D, G],
    (c, { Key, write }) =>
      c.send(new CopyObjectCommand({ Bucket, Key: 'c', CopySource: `${Bucket}/${Key}`, ...write })),
  ],
  [
    'CopyObject to SSE-S3',
    [D],
    (c, { Key }) =>
      c.send(
        new CopyObjectCommand({ Bucket, Key: 'c', CopySource: `${Bucket}/${Key}`, ServerSideEncryption: 'AES256' }),
      ),
  ],
  [
    'CopyObject from SSE-S3',
    [G],
    (c, { write }) => c.send(new CopyObjectCommand({ Bucket, Key: 'c', CopySource: `${Bucket}/plain`, ...write })),
  ],
  [
    'CreateMultipartUpload',
    [G],
    (c, { write }) => c.send(new CreateMultipartUploadCommand({ Bucket, Key: 'm', ...write })),
  ],
  [
    'UploadPart',
    [D],
    (c, { UploadId }) => c.send(new UploadPartCommand({ Bucket, Key: 'up', UploadId, PartNumber: 2, Body: 'x' })),
  ],
  [
    'UploadPartCopy',
    [D],
    (c, { UploadId, Key }) =>
      c.send(new UploadPartCopyCommand({ Bucket, Key: 'up', UploadId, PartNumber: 3, CopySource: `${Bucket}/${Key}` })),
  ],
  [
    'UploadPartCopy from SSE-S3',
    [D],
    (c, { UploadId }) =>
      c.send(new UploadPartCopyCommand({ Bucket, Key: 'up', UploadId, PartNumber: 3, CopySource: `${Bucket}/plain` })),
  ],
  ['ListParts', [D], (c, { UploadId }) => c.send(new ListPartsCommand({ Bucket, Key: 'up', UploadId }))],
  [
    'CompleteMultipartUpload',
    [D],
    (c, { UploadId, part }) =>
      c.send(new CompleteMultipartUploadCommand({ Bucket, Key: 'up', UploadId, MultipartUpload: { Parts: [part] } })),
  ],
  [
    'AbortMultipartUpload',
    [],
    (c, { UploadId }) => c.send(new AbortMultipartUploadCommand({ Bucket, Key: 'up', UploadId })),
  ],
  ['ListObjectsV2', [], (c) => c.send(new ListObjectsV2Command({ Bucket }))],
  ['DeleteObject', [], (c, { Key }) => c.send(new DeleteObjectCommand({ Bucket, Key }))],
];

/** The SDK has no body to read on a HEAD: only the status tells. */
const comparable = (call: string, expected: { status: number }) =>
  call.startsWith('Head') ? { status: expected.status } : expected;

describe.each(MODES)('$name', (mode) => {
  test.each(Object.keys(RIGHTS))('every operation needs what AWS documents of the caller: %s', async (user) => {
    await s3('main').send(new PutObjectCommand({ Bucket, Key: 'plain', Body: 'x' }));
    const client = s3(user);
    let refused = 0;
    for (const [call, needs, send] of CALLS) {
      const at = await ground(mode, keyArn);
      const missing = needs.find((action) => !RIGHTS[user]!.includes(action));
      if (missing === undefined) await expect(send(client, at), call).resolves.toBeDefined();
      else {
        expect(await refusal(send(client, at)), call).toMatchObject(comparable(call, denied(user, missing, keyArn)));
        refused++;
      }
    }
    const needing = CALLS.filter(([, needs]) => needs.some((action) => !RIGHTS[user]!.includes(action)));
    expect(refused).toBe(needing.length);
    expect(needing.length).toBe({ both: 0, generator: 11, decrypter: 4, neither: 14 }[user]);
  });

  const states: [
    string,
    (arn: string) => Promise<unknown>,
    (arn: string) => Promise<unknown>,
    (arn: string) => object,
  ][] = [
    [
      'disabled',
      (KeyId) => kms('main').send(new DisableKeyCommand({ KeyId })),
      (KeyId) => kms('main').send(new EnableKeyCommand({ KeyId })),
      (arn) => ({ status: 400, code: 'KMS.DisabledException', message: `${arn} is disabled.` }),
    ],
    [
      'scheduled for deletion',
      (KeyId) => kms('main').send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 30 })),
      async (KeyId) => {
        await kms('main').send(new CancelKeyDeletionCommand({ KeyId }));
        await kms('main').send(new EnableKeyCommand({ KeyId }));
      },
      (arn) => ({ status: 400, code: 'KMS.KMSInvalidStateException', message: `${arn} is pending deletion.` }),
    ],
    [
      'denied to the caller by its policy',
      (KeyId) => kms('main').send(new PutKeyPolicyCommand({ KeyId, Policy: policy(MAIN, 'Deny', userArn('both')) })),
      (KeyId) => kms('main').send(new PutKeyPolicyCommand({ KeyId, Policy: policy(MAIN) })),
      () => ({ status: 403, code: 'AccessDenied', message: expect.stringContaining('with an explicit deny') }),
    ],
  ];

  test.each(states)(
    'a key that is %s refuses from the next request on, and opens again on the next after that',
    async (_state, close, open, error) => {
      const arn = await createKey('main');
      const client = s3('both');
      await s3('main').send(new PutObjectCommand({ Bucket, Key: 'plain', Body: 'x' }));
      let refused = 0;
      const at = await ground(mode, arn);
      // Everything is warm: the bucket key is cached for writing and for reading.
      await client.send(new PutObjectCommand({ Bucket, Key: 'warm', Body: 'x', ...at.write }));
      await client.send(new GetObjectCommand({ Bucket, Key: at.Key }));
      await close(arn);
      for (const [call, needs, send] of CALLS) {
        if (needs.length === 0) continue;
        expect(await refusal(send(client, at)), call).toMatchObject(comparable(call, error(arn) as { status: number }));
        refused++;
      }
      expect(refused).toBe(14);
      await open(arn);
      const read = await client.send(new GetObjectCommand({ Bucket, Key: at.Key }));
      expect(await read.Body!.transformToString()).toBe('x');
      await client.send(new PutObjectCommand({ Bucket, Key: 'warm', Body: 'x', ...at.write }));
    },
  );

  test('a key of another account is closed while its policy names nobody else', async () => {
    const closed = await createKey('other');
    const put = s3('both').send(
      new PutObjectCommand({ Bucket, Key: 'x', Body: Buffer.alloc(0), ...mode.write(closed) }),
    );
    expect(await refusal(put)).toMatchObject({
      status: 403,
      code: 'AccessDenied',
      message: expect.stringContaining(
        `is not authorized to perform: ${G} on resource: ${closed} because the resource does not exist in this Region, no resource-based policies allow access`,
      ),
    });
  });

  test('a key of another account works by its ARN when both sides allow it, and by no other name', async () => {
    const foreign = await createKey('other', { Policy: policy(OTHER, 'Allow', `arn:aws:iam::${MAIN}:root`) });
    const closed = await createKey('other');
    const client = s3('both');
    const Key = `cross-account/${mode.name}`;
    const put = (user: string, arn: string) =>
      s3(user).send(new PutObjectCommand({ Bucket, Key, Body: 'across', ...mode.write(arn) }));
    expect((await put('both', foreign)).SSEKMSKeyId).toBe(foreign);
    const read = await client.send(new GetObjectCommand({ Bucket, Key }));
    expect(await read.Body!.transformToString()).toBe('across');
    // One side alone is not enough: here the caller's own policy is missing, there the key's.
    expect(await refusal(put('neither', foreign))).toMatchObject({ status: 403, code: 'AccessDenied' });
    expect(await refusal(put('both', closed))).toMatchObject({ status: 403, code: 'AccessDenied' });
    // A key id is looked for in the caller's account.
    expect(await refusal(put('both', foreign.split('/')[1]!))).toMatchObject({
      status: 400,
      code: 'KMS.NotFoundException',
      message: expect.stringContaining(`arn:aws:kms:us-east-1:${MAIN}:key/`),
    });
    await kms('other').send(new PutKeyPolicyCommand({ KeyId: foreign, Policy: policy(OTHER) }));
    const after = [() => client.send(new GetObjectCommand({ Bucket, Key })), () => put('both', foreign)];
    for (const call of after) expect(await refusal(call())).toMatchObject({ status: 403, code: 'AccessDenied' });
  });
});

describe('a key policy that asks for S3 and for the object', () => {
  // Without a bucket key the context has the object's ARN, with one the bucket's.
  const cases: [Mode, string][] = [
    [MODES[0]!, `arn:aws:s3:::${Bucket}/allowed`],
    [MODES[1]!, `arn:aws:s3:::${Bucket}`],
    [MODES[2]!, `arn:aws:s3:::${Bucket}/allowed`],
  ];

  test.each(cases)('is met by S3 alone: $name', async (mode, arnInContext) => {
    const arn = await createKey('main');
    const conditions = {
      StringEquals: {
        'kms:ViaService': 's3.us-east-1.amazonaws.com',
        'kms:CallerAccount': MAIN,
        'kms:EncryptionContext:aws:s3:arn': arnInContext,
      },
    };
    const statement = { Effect: 'Allow', Principal: { AWS: userArn('neither') }, Action: [G, D], Resource: '*' };
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [...JSON.parse(policy(MAIN)).Statement, { ...statement, Condition: conditions }],
    });
    await kms('main').send(new PutKeyPolicyCommand({ KeyId: arn, Policy }));
    const client = s3('neither');
    const put = (Key: string, bucket = Bucket) =>
      client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: Buffer.from('x'), ...mode.write(arn) }));
    // Twice: an S3 Bucket Key is cached by the second time.
    for (let i = 0; i < 2; i++) {
      await put('allowed');
      const read = await client.send(new GetObjectCommand({ Bucket, Key: 'allowed' }));
      expect(await read.Body!.transformToString()).toBe('x');
    }
    const direct = new GenerateDataKeyCommand({
      KeyId: arn,
      KeySpec: 'AES_256',
      EncryptionContext: { 'aws:s3:arn': arnInContext },
    });
    expect(await refusal(kms('neither').send(direct))).toMatchObject({ code: 'AccessDeniedException' });
    const bucket = `elsewhere-${randomBytes(4).toString('hex')}`;
    await s3('main').send(new CreateBucketCommand({ Bucket: bucket }));
    expect(await refusal(put('allowed', bucket))).toMatchObject({ status: 403, code: 'AccessDenied' });
    if (mode === MODES[1]) await put('other');
    else expect(await refusal(put('other'))).toMatchObject({ status: 403, code: 'AccessDenied' });
  });
});

/** The account's root may do all; one more principal may use the key, or may not. */
function policy(accountId: string, Effect?: 'Allow' | 'Deny', AWS?: string): string {
  const owner = {
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${accountId}:root` },
    Action: 'kms:*',
    Resource: '*',
  };
  const use = { Effect, Principal: { AWS }, Action: [G, D], Resource: '*' };
  return JSON.stringify({ Version: '2012-10-17', Statement: Effect ? [owner, use] : [owner] });
}

test('a bucket default that names a key is asked for on behalf of whoever writes', async () => {
  const name = 'kms-default';
  const root = s3('main');
  await root.send(new CreateBucketCommand({ Bucket: name }));
  const rule = { SSEAlgorithm: 'aws:kms' as const, KMSMasterKeyID: keyArn };
  await root.send(
    new PutBucketEncryptionCommand({
      Bucket: name,
      ServerSideEncryptionConfiguration: {
        Rules: [{ ApplyServerSideEncryptionByDefault: rule, BucketKeyEnabled: true }],
      },
    }),
  );
  const put = (user: string) => s3(user).send(new PutObjectCommand({ Bucket: name, Key: 'k', Body: 'x' }));
  expect(await put('generator')).toMatchObject({ SSEKMSKeyId: keyArn, BucketKeyEnabled: true });
  expect(await refusal(put('decrypter'))).toMatchObject(denied('decrypter', G, keyArn));
  // The bucket key is cached by now: that gives nobody a right.
  expect(await refusal(s3('generator').send(new GetObjectCommand({ Bucket: name, Key: 'k' })))).toMatchObject(
    denied('generator', D, keyArn),
  );
});

test('an alias follows its key: an S3 Bucket Key of the old one is used no more', async () => {
  const [one, two] = [await createKey('main'), await createKey('main')];
  const alias = `alias/${randomBytes(4).toString('hex')}`;
  await kms('main').send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: one }));
  const put = async () =>
    (await s3('main').send(new PutObjectCommand({ Bucket, Key: 'aliased', Body: 'x', ...MODES[1]!.write(alias) })))
      .SSEKMSKeyId;
  expect(await put()).toBe(one);
  await kms('main').send(new UpdateAliasCommand({ AliasName: alias, TargetKeyId: two }));
  expect(await put()).toBe(two);
});

test('a key whose waiting period is over is gone for S3 too, S3 Bucket Keys included', async () => {
  const arn = await createKey('main');
  const root = s3('main');
  for (const mode of MODES) {
    await root.send(new PutObjectCommand({ Bucket, Key: `gone/${mode.name}`, Body: 'x', ...mode.write(arn) }));
    await root.send(new GetObjectCommand({ Bucket, Key: `gone/${mode.name}` }));
  }
  // Seven days of one second each (COFFER_DAY_SECONDS).
  await kms('main').send(new ScheduleKeyDeletionCommand({ KeyId: arn, PendingWindowInDays: 7 }));
  await expect
    .poll(async () => (await refusal(root.send(new GetObjectCommand({ Bucket, Key: 'gone/DSSE-KMS' })))).code, {
      interval: 500,
    })
    .toBe('KMS.NotFoundException');
  for (const mode of MODES) {
    const calls = [
      () => root.send(new GetObjectCommand({ Bucket, Key: `gone/${mode.name}` })),
      () => root.send(new PutObjectCommand({ Bucket, Key: 'new', Body: Buffer.alloc(0), ...mode.write(arn) })),
    ];
    for (const call of calls) {
      expect(await refusal(call())).toEqual({
        status: 400,
        code: 'KMS.NotFoundException',
        message: `Key '${arn}' does not exist`,
      });
    }
  }
});
