import { createHash, randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterEach, expect, test } from 'vitest';
import { startServer, type TestServer } from '../support/server.js';

const Bucket = 'memory';
let server: TestServer | undefined;
afterEach(() => server?.close());

/** Where these bytes stand in the writable memory of a process. */
function placesOf(pid: number, needles: Record<string, Buffer>): Record<string, number> {
  const found = Object.fromEntries(Object.keys(needles).map((name) => [name, 0]));
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  const window = Buffer.alloc(4 * 1024 * 1024);
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
      const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
      if (!from || !to) continue;
      const [begin, end] = [Number.parseInt(from, 16), Number.parseInt(to, 16)];
      // Windows overlap, so that nothing hides at an edge; none counts a place twice.
      for (let at = begin; at < end; at += window.length - 64) {
        let read: number;
        try {
          read = readSync(memory, window, 0, Math.min(window.length, end - at), at);
        } catch {
          break;
        }
        const last = read < window.length;
        for (const [name, needle] of Object.entries(needles)) {
          const stop = last ? read : read - 64;
          for (
            let i = window.indexOf(needle);
            i >= 0 && i < stop && i + needle.length <= read;
            i = window.indexOf(needle, i + 1)
          ) {
            found[name]!++;
          }
        }
        if (last) break;
      }
    }
  } finally {
    closeSync(memory);
  }
  return found;
}

function customer(key: Buffer) {
  const SSECustomerKeyMD5 = createHash('md5').update(key).digest('base64');
  return { SSECustomerAlgorithm: 'AES256', SSECustomerKey: key.toString('base64'), SSECustomerKeyMD5 };
}

test.each([
  ['http', {}],
  ['https', { COFFER_TLS: 'self-signed' }],
])('no bytes of a customer’s key stay in memory after requests over %s, however they ended', async (_scheme, env) => {
  server = await startServer({ env });
  const connection = { requestHandler: { httpsAgent: { rejectUnauthorized: false } } };
  const key = randomBytes(32);
  const other = randomBytes(32);
  const s3 = server.s3(connection);
  await s3.send(new CreateBucketCommand({ Bucket }));
  const own = customer(key);
  const large = randomBytes(300_000);
  await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'small', ...own }));
  await s3.send(new PutObjectCommand({ Bucket, Key: 'large', Body: large, ...own }));
  await (await s3.send(new GetObjectCommand({ Bucket, Key: 'large', ...own }))).Body!.transformToByteArray();
  await s3.send(new HeadObjectCommand({ Bucket, Key: 'k', ...own }));
  const source = {
    CopySourceSSECustomerAlgorithm: 'AES256',
    CopySourceSSECustomerKey: own.SSECustomerKey,
    CopySourceSSECustomerKeyMD5: own.SSECustomerKeyMD5,
  };
  await s3.send(
    new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/k`, ...source, ...customer(other) }),
  );
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'parts', ...own }));
  const part = { Bucket, Key: 'parts', UploadId, PartNumber: 1 };
  const { ETag } = await s3.send(new UploadPartCommand({ ...part, Body: large, ...own }));
  await s3.send(
    new CompleteMultipartUploadCommand({
      Bucket,
      Key: 'parts',
      UploadId,
      MultipartUpload: { Parts: [{ ETag, PartNumber: 1 }] },
      ...own,
    }),
  );
  // Refused: no such key, a wrong key, no such bucket, a wrong signature, fields that are read after the key.
  const wrong = server.s3({
    ...connection,
    credentials: { accessKeyId: 'AKIAIOSFODNN7COFFER1', secretAccessKey: 'wrong' },
  });
  const refused = [
    s3.send(new GetObjectCommand({ Bucket, Key: 'none', ...own })),
    s3.send(new GetObjectCommand({ Bucket, Key: 'copy', ...own })),
    s3.send(new PutObjectCommand({ Bucket: 'no-such-bucket', Key: 'k', Body: 'x', ...own })),
    wrong.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x', ...own })),
    s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x', ServerSideEncryption: 'aws:kms', ...own })),
    s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x', IfNoneMatch: '*', ...own })),
    s3.send(new GetObjectCommand({ Bucket, Key: 'k', IfMatch: '"none"', ...own })),
    s3.send(
      new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/none`, ...source, ...customer(other) }),
    ),
  ];
  for (const outcome of await Promise.allSettled(refused)) expect(outcome.status).toBe('rejected');
  const text = Buffer.from(own.SSECustomerKey);
  const found = placesOf(server.pid, { key, other, text, probe: Buffer.from('AKIAIOSFODNN7COFFER1') });
  // The search works: this is there for sure.
  expect(found.probe).toBeGreaterThan(0);
  expect([found.key, found.other]).toEqual([0, 0]);
  // The header's text can't be zeroed (SECURITY.md): other requests overwrite it.
  for (let i = 0; i < 5000; i++) await s3.send(new HeadObjectCommand({ Bucket, Key: 'k' })).catch(() => {});
  const left = placesOf(server.pid, { key, other, text });
  console.log(`base64 text of the key: ${found.text} places right after, ${left.text} after 5,000 other requests`);
  expect([left.key, left.other]).toEqual([0, 0]);
  expect(left.text).toBeLessThanOrEqual(found.text!);
});
