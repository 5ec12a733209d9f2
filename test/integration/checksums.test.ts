import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ALGORITHMS, createChecksum, headerName } from '../../src/s3/checksum/algorithms.js';
import { credentials, startServer, type TestServer } from '../support/server.js';
import { signedRequest } from '../support/signed-request.js';

let server: TestServer;
let s3: S3Client;
const Bucket = 'checksums';

beforeAll(async () => {
  server = await startServer();
  s3 = server.s3();
  await s3.send(new CreateBucketCommand({ Bucket }));
});
afterAll(() => server?.close());

test.each(ALGORITHMS)('%s is verified, kept and told with ChecksumMode', async (algorithm) => {
  const body = 'body under a checksum';
  const hash = await createChecksum(algorithm);
  hash.update(Buffer.from(body));
  const value = hash.digest().toString('base64');
  const path = `/${Bucket}/${algorithm}`;
  const put = (headers: Record<string, string>) =>
    signedRequest(server.port, { method: 'PUT', path, headers, body, key: credentials });
  const wrong = Buffer.from(value, 'base64');
  wrong[0]! ^= 1;
  expect((await put({ [headerName(algorithm)]: wrong.toString('base64') })).text).toContain('<Code>BadDigest</Code>');
  expect((await put({ [headerName(algorithm)]: value })).status).toBe(200);
  // HeadObject: the SDK itself can't verify all ten on a GET.
  const answer = await s3.send(new HeadObjectCommand({ Bucket, Key: algorithm, ChecksumMode: 'ENABLED' }));
  expect(answer[`Checksum${algorithm}` as keyof typeof answer]).toBe(value);
  expect(answer.ChecksumType).toBe('FULL_OBJECT');
});

test('CRC64NVME is computed where the client names none', async () => {
  await signedRequest(server.port, { method: 'PUT', path: `/${Bucket}/default`, body: '123456789', key: credentials });
  const answer = await s3.send(new GetObjectCommand({ Bucket, Key: 'default', ChecksumMode: 'ENABLED' }));
  expect(answer.ChecksumCRC64NVME).toBe(Buffer.from('ae8b14860a799888', 'hex').toString('base64'));
});

test('the SDK’s default, a CRC32 in the trailer, is kept', async () => {
  const put = await s3.send(new PutObjectCommand({ Bucket, Key: 'sdk', Body: '123456789' }));
  expect(put.ChecksumCRC32).toBe(Buffer.from('cbf43926', 'hex').toString('base64'));
});
