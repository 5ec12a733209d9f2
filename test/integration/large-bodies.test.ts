import { createHash, createHmac, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { CreateKeyCommand } from '@aws-sdk/client-kms';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refusal } from '../support/s3-error.js';
import { ACCESS_KEY_ID, SECRET_ACCESS_KEY, startServer, type TestServer } from '../support/server.js';

const KiB = 1024;
const MiB = 1024 * KiB;
const Bucket = 'large';
const customerKey = randomBytes(32);
const SSE_C = {
  SSECustomerAlgorithm: 'AES256',
  SSECustomerKey: customerKey.toString('base64'),
  SSECustomerKeyMD5: createHash('md5').update(customerKey).digest('base64'),
};

let server: TestServer;
let s3: S3Client;
let keyId: string;

beforeAll(async () => {
  server = await startServer({ env: { COFFER_BODY_THREADS: '2', COFFER_BODY_MEMORY_MIB: '4' } });
  s3 = server.s3();
  await s3.send(new CreateBucketCommand({ Bucket }));
  keyId = (await server.kms().send(new CreateKeyCommand({}))).KeyMetadata!.KeyId!;
});
afterAll(() => server?.close());

const body = async (key: string, extra = {}): Promise<Buffer> => {
  const answer = await s3.send(new GetObjectCommand({ Bucket, Key: key, ...extra }));
  return Buffer.from(await answer.Body!.transformToByteArray());
};

type Mode = 'SSE-S3' | 'SSE-KMS' | 'DSSE-KMS' | 'SSE-C';
const writing = (mode: Mode): Partial<PutObjectCommandInput> => {
  if (mode === 'SSE-C') return SSE_C;
  if (mode === 'SSE-S3') return {};
  return { ServerSideEncryption: mode === 'SSE-KMS' ? 'aws:kms' : 'aws:kms:dsse', SSEKMSKeyId: keyId };
};
const reading = (mode: Mode) => (mode === 'SSE-C' ? SSE_C : {});

describe.each<Mode>(['SSE-S3', 'SSE-KMS', 'DSSE-KMS', 'SSE-C'])('large bodies under %s', (mode) => {
  test.each([128 * KiB, 9 * MiB + 77])('of %i bytes read back, whole and by ranges', async (size) => {
    const content = randomBytes(size);
    await s3.send(new PutObjectCommand({ Bucket, Key: mode, Body: content, ...writing(mode) }));
    expect((await body(mode, reading(mode))).equals(content)).toBe(true);
    const ranges = [
      [0, 1],
      [1, 128 * KiB],
      [64 * KiB - 1, size],
      [size - 128 * KiB, size],
      [size - 1, size],
    ] as const;
    for (const [start, end] of ranges) {
      const part = await body(mode, { ...reading(mode), Range: `bytes=${start}-${end - 1}` });
      expect(part.equals(content.subarray(start, end)), `${start}-${end}`).toBe(true);
    }
  });

  test('parts of every size make one object, and copies of it hold the same', async () => {
    const parts = [5 * MiB, 6 * MiB + 3, 100 * KiB].map((size) => randomBytes(size));
    const Key = `${mode}/parts`;
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ...(writing(mode) as object) }));
    const done: { PartNumber: number; ETag: string | undefined }[] = [];
    for (const [i, Body] of parts.entries()) {
      const part = { Bucket, Key, UploadId, PartNumber: i + 1, Body, ...reading(mode) };
      done.push({ PartNumber: i + 1, ETag: (await s3.send(new UploadPartCommand(part))).ETag });
    }
    const complete = { Bucket, Key, UploadId, MultipartUpload: { Parts: done }, ...reading(mode) };
    await s3.send(new CompleteMultipartUploadCommand(complete));
    const content = Buffer.concat(parts);
    expect((await body(Key, reading(mode))).equals(content)).toBe(true);
    const across = await body(Key, { ...reading(mode), Range: `bytes=${5 * MiB - 10}-${11 * MiB + 50}` });
    expect(across.equals(content.subarray(5 * MiB - 10, 11 * MiB + 51))).toBe(true);

    const source = { CopySource: `${Bucket}/${Key}`, ...(mode === 'SSE-C' && copySource) };
    await s3.send(new CopyObjectCommand({ Bucket, Key: `${mode}/copy`, ...source }));
    expect((await body(`${mode}/copy`)).equals(content)).toBe(true);
    const target = { Bucket, Key: `${mode}/copied-part` };
    const upload = await s3.send(new CreateMultipartUploadCommand(target));
    const range = `bytes=7-${6 * MiB}`;
    const ids = { ...target, UploadId: upload.UploadId, PartNumber: 1 };
    const copied = await s3.send(new UploadPartCopyCommand({ ...ids, ...source, CopySourceRange: range }));
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag: copied.CopyPartResult!.ETag }] };
    await s3.send(new CompleteMultipartUploadCommand({ ...target, UploadId: upload.UploadId, MultipartUpload }));
    expect((await body(target.Key)).equals(content.subarray(7, 6 * MiB + 1))).toBe(true);
  });
});

const copySource = {
  CopySourceSSECustomerAlgorithm: SSE_C.SSECustomerAlgorithm,
  CopySourceSSECustomerKey: SSE_C.SSECustomerKey,
  CopySourceSSECustomerKeyMD5: SSE_C.SSECustomerKeyMD5,
};

describe('clients that do not behave', () => {
  const size = 3 * MiB;

  test('hold up nobody: uploads and downloads that are broken off give their memory back', async () => {
    const content = randomBytes(size);
    const Key = 'abandoned';
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: content }));
    const get = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key }));
    const put = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key }));
    const target = (url: string) => `${new URL(url).pathname}${new URL(url).search}`;
    // More than there are slots of 128 KiB in 4 MiB: one lost with each would be noticed.
    for (let i = 0; i < 20; i++) {
      const sockets = [connect(server.port, '127.0.0.1'), connect(server.port, '127.0.0.1')] as const;
      for (const socket of sockets) socket.on('error', () => {});
      const answered = new Promise((resolve) => sockets[0].once('data', resolve));
      sockets[0].write(`GET ${target(get)} HTTP/1.1\r\nhost: 127.0.0.1:${server.port}\r\n\r\n`);
      sockets[1].write(
        `PUT ${target(put)} HTTP/1.1\r\nhost: 127.0.0.1:${server.port}\r\ncontent-length: ${size}\r\n\r\n`,
      );
      sockets[1].write(content.subarray(0, MiB));
      await answered;
      for (const socket of sockets) socket.destroy();
    }
    const stalled = Array.from({ length: 10 }, () => {
      const socket = connect(server.port, '127.0.0.1').pause();
      socket.write(`GET ${target(get)} HTTP/1.1\r\nhost: 127.0.0.1:${server.port}\r\n\r\n`);
      return socket;
    });
    const slow = connect(server.port, '127.0.0.1');
    slow.write(`PUT ${target(put)} HTTP/1.1\r\nhost: 127.0.0.1:${server.port}\r\ncontent-length: ${size}\r\n\r\nx`);
    await s3.send(new PutObjectCommand({ Bucket, Key: 'beside', Body: content }));
    const bodies = await Promise.all(Array.from({ length: 8 }, () => body('beside')));
    for (const one of bodies) expect(one.equals(content)).toBe(true);
    for (const socket of [...stalled, slow]) socket.destroy();
    expect((await body(Key)).equals(content)).toBe(true);
  });
});

describe('what a large upload says of its body', () => {
  const content = randomBytes(MiB + 11);

  test('the ETag is the MD5 under SSE-S3', async () => {
    const { ETag } = await s3.send(new PutObjectCommand({ Bucket, Key: 'etag', Body: content }));
    expect(ETag).toBe(`"${createHash('md5').update(content).digest('hex')}"`);
  });

  test.each([
    ['a wrong Content-MD5', { ContentMD5: Buffer.alloc(16, 1).toString('base64') }, 'BadDigest'],
    ['a wrong checksum', { ChecksumSHA256: Buffer.alloc(32, 1).toString('base64') }, 'BadDigest'],
  ])('%s is refused, and nothing is stored', async (_name, extra, code) => {
    const put = new PutObjectCommand({ Bucket, Key: 'refused', Body: content, ...extra });
    expect(await refusal(s3.send(put))).toMatchObject({ code });
    expect(await refusal(s3.send(new GetObjectCommand({ Bucket, Key: 'refused' })))).toMatchObject({
      code: 'NoSuchKey',
    });
  });

  test('a wrong x-amz-content-sha256 is refused, the right one holds', async () => {
    const right = createHash('sha256').update(content).digest('hex');
    expect(await send(content, { payload: right })).toMatch(/^HTTP\/1.1 200 /);
    expect(await send(content, { payload: '0'.repeat(64) })).toContain('XAmzContentSHA256Mismatch');
  });

  test('signed chunks are taken; a changed one, a missing end and a wrong trailer are not', async () => {
    const payload = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER';
    const crc = createHash('sha256').update(content).digest('base64');
    const chunked = (spoil?: 'chunk' | 'end' | 'trailer') => send(content, { payload, crc, ...(spoil && { spoil }) });
    expect(await chunked()).toMatch(/^HTTP\/1.1 200 /);
    expect((await body('signed')).equals(content)).toBe(true);
    expect(await chunked('chunk')).toContain('SignatureDoesNotMatch');
    expect(await chunked('end')).toContain('IncompleteBody');
    expect(await chunked('trailer')).toContain('SignatureDoesNotMatch');
    expect((await body('signed')).equals(content)).toBe(true);
  });
});

/** PUT of a body as it is, or in signed chunks with a trailer. @returns the answer */
async function send(
  content: Buffer,
  { payload, crc, spoil }: { payload: string; crc?: string; spoil?: 'chunk' | 'end' | 'trailer' },
): Promise<string> {
  const date = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = `${date.slice(0, 8)}/us-east-1/s3/aws4_request`;
  const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
  let key: string | Buffer = `AWS4${SECRET_ACCESS_KEY}`;
  for (const part of scope.split('/')) key = createHmac('sha256', key).update(part).digest();
  const sign = (...lines: string[]) => createHmac('sha256', key).update(lines.join('\n')).digest('hex');
  const headers: Record<string, string> = {
    host: `127.0.0.1:${server.port}`,
    'x-amz-content-sha256': payload,
    'x-amz-date': date,
    ...(crc && {
      'content-encoding': 'aws-chunked',
      'x-amz-decoded-content-length': String(content.length),
      'x-amz-trailer': 'x-amz-checksum-sha256',
    }),
  };
  const names = Object.keys(headers).sort();
  const lines = names.map((name) => `${name}:${headers[name]}`);
  const canonical = ['PUT', `/${Bucket}/signed`, '', ...lines, '', names.join(';'), payload].join('\n');
  let previous = sign('AWS4-HMAC-SHA256', date, scope, sha256(canonical));
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${ACCESS_KEY_ID}/${scope}, SignedHeaders=${names.join(';')}, Signature=${previous}`;
  const pieces: Buffer[] = [];
  if (!crc) pieces.push(content);
  else {
    for (let at = 0; ; at += 100_000) {
      const chunk = content.subarray(at, at + 100_000);
      previous = sign('AWS4-HMAC-SHA256-PAYLOAD', date, scope, previous, sha256(''), sha256(chunk));
      pieces.push(Buffer.from(`${chunk.length.toString(16)};chunk-signature=${previous}\r\n`), Buffer.from(chunk));
      if (chunk.length === 0) break;
      pieces.push(Buffer.from('\r\n'));
    }
    if (spoil === 'chunk') pieces[13]![5]! ^= 1;
    const trailer = `x-amz-checksum-sha256:${crc}\n`;
    const signature = sign('AWS4-HMAC-SHA256-TRAILER', date, scope, previous, sha256(trailer));
    const sent = spoil === 'trailer' ? '0'.repeat(64) : signature;
    if (spoil === 'end') pieces.splice(-6);
    else pieces.push(Buffer.from(`${trailer.trim()}\r\nx-amz-trailer-signature:${sent}\r\n\r\n`));
  }
  const all = Buffer.concat(pieces);
  headers['content-length'] = String(all.length);
  const socket = connect(server.port, '127.0.0.1');
  socket.write(
    `PUT /${Bucket}/signed HTTP/1.1\r\n${Object.entries(headers)
      .map(([k, v]) => `${k}: ${v}\r\n`)
      .join('')}\r\n`,
  );
  socket.write(all);
  return new Promise((resolve, reject) => {
    let answer = '';
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (/\r\n\r\n/.test(answer) && (/<\/Error>/.test(answer) || /content-length: 0/i.test(answer))) {
        resolve(answer);
        socket.destroy();
      }
    });
    socket.on('close', () => resolve(answer));
  });
}
