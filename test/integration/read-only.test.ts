import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateKeyCommand, DecryptCommand, EncryptCommand, GenerateDataKeyCommand } from '@aws-sdk/client-kms';
import {
  AbortMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, type TestServer } from '../support/server.js';

const Bucket = 'full';
const large = Buffer.alloc(300_000, 7);
let dir: string;
let server: TestServer;
let UploadId: string;
let ciphertext: Uint8Array;
let KeyId: string;

/** Filled while there was room; then started again where there is none: a floor that no disk reaches. */
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'coffer-read-only-'));
  const before = await startServer({ dir });
  const s3 = before.s3();
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new CreateBucketCommand({ Bucket: 'versioned' }));
  const VersioningConfiguration = { Status: 'Enabled' } as const;
  await s3.send(new PutBucketVersioningCommand({ Bucket: 'versioned', VersioningConfiguration }));
  for (const Key of ['a', 'b', 'c']) await s3.send(new PutObjectCommand({ Bucket, Key, Body: large }));
  await s3.send(new PutObjectCommand({ Bucket, Key: 'kms', Body: large, ServerSideEncryption: 'aws:kms' }));
  await s3.send(new PutObjectCommand({ Bucket: 'versioned', Key: 'v', Body: 'one' }));
  ({ UploadId } = (await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'parts' }))) as { UploadId: string });
  await s3.send(new UploadPartCommand({ Bucket, Key: 'parts', UploadId, PartNumber: 1, Body: large }));
  const kms = before.kms();
  KeyId = (await kms.send(new CreateKeyCommand({}))).KeyMetadata!.KeyId!;
  ciphertext = (await kms.send(new EncryptCommand({ KeyId, Plaintext: Buffer.from('secret') }))).CiphertextBlob!;
  expect(await before.end('SIGTERM')).toBe(0);
  server = await startServer({ dir, env: { COFFER_MIN_FREE_MIB: '1000000' } });
});
afterAll(async () => {
  await server?.close();
  await rm(dir, { recursive: true, force: true });
});

describe('on a disk that is nearly full', () => {
  test('/-/ready and the metrics name it, and the log says why', async () => {
    const ready = await fetch(`${server.url}/-/ready`);
    expect([ready.status, await ready.text()]).toEqual([200, 'ready, read-only: the disk is nearly full\n']);
    expect(await (await fetch(`${server.url}/-/metrics`)).text()).toContain('coffer_store_read_only 1\n');
    expect(server.output()).toMatch(/the store is read-only: \d+ bytes free in .*, writes need 1048576000000/);
  });

  test('objects are read and listed, those under a KMS key too, and the key service decrypts', async () => {
    for (const Key of ['a', 'kms']) {
      const answer = await server.s3().send(new GetObjectCommand({ Bucket, Key }));
      expect((await answer.Body!.transformToByteArray()).length).toBe(large.length);
      await server.s3().send(new HeadObjectCommand({ Bucket, Key }));
    }
    expect((await server.s3().send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(4);
    const { Plaintext } = await server.kms().send(new DecryptCommand({ CiphertextBlob: ciphertext }));
    expect(Buffer.from(Plaintext!).toString()).toBe('secret');
    await server.kms().send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }));
  });

  test('what takes room is refused with 503, whatever it is', async () => {
    const refused = (sent: Promise<unknown>) =>
      expect(sent).rejects.toMatchObject({ $metadata: { httpStatusCode: 503 } });
    const s3 = server.s3();
    await refused(s3.send(new PutObjectCommand({ Bucket, Key: 'new', Body: 'small' })));
    await refused(s3.send(new PutObjectCommand({ Bucket, Key: 'new', Body: large })));
    await refused(s3.send(new CreateBucketCommand({ Bucket: 'another' })));
    await refused(s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'more' })));
    await refused(s3.send(new UploadPartCommand({ Bucket, Key: 'parts', UploadId, PartNumber: 2, Body: large })));
    await expect(server.kms().send(new CreateKeyCommand({}))).rejects.toThrow();
  });

  test('objects, versions, uploads and buckets are deleted', async () => {
    const s3 = server.s3();
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'a' }));
    const Objects = ['b', 'c', 'kms'].map((Key) => ({ Key }));
    expect((await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }))).Errors).toBeUndefined();
    await s3.send(new AbortMultipartUploadCommand({ Bucket, Key: 'parts', UploadId }));
    await s3.send(new DeleteBucketCommand({ Bucket }));
    await s3.send(new DeleteObjectCommand({ Bucket: 'versioned', Key: 'v' }));
    const listed = await s3.send(new ListObjectVersionsCommand({ Bucket: 'versioned' }));
    expect(listed.DeleteMarkers).toHaveLength(1);
    for (const { Key, VersionId } of [...listed.Versions!, ...listed.DeleteMarkers!]) {
      await s3.send(new DeleteObjectCommand({ Bucket: 'versioned', Key, VersionId }));
    }
    await s3.send(new DeleteBucketCommand({ Bucket: 'versioned' }));
  });

  test('SIGTERM ends it in order', async () => {
    expect(await server.end('SIGTERM')).toBe(0);
  });
});
