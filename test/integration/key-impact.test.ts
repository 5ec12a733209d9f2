import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CreateKeyCommand, DescribeKeyCommand, RotateKeyOnDemandCommand } from '@aws-sdk/client-kms';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  RenameObjectCommand,
  UpdateObjectEncryptionCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterEach, expect, test } from 'vitest';
import type { RecordSealer } from '../../src/seal/ports.js';
import { Buckets } from '../../src/store/buckets.js';
import { KeyImpacts } from '../../src/store/key-impact.js';
import { KEY_INDEX_STATE } from '../../src/store/key-index-build.js';
import { TAG, under } from '../../src/store/keys.js';
import { openStore } from '../../src/store/leveldb/open.js';
import type { MetaStore } from '../../src/store/ports.js';
import { startServer, type TestServer } from '../support/server.js';

let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
  if (server) await rm(server.dir, { recursive: true, force: true });
});

/** Counting reads row keys alone: nothing has to be unsealed. */
const noSealer = {} as RecordSealer;

/** Ends the server and looks into its data. */
async function inside<T>(look: (meta: MetaStore) => Promise<T>): Promise<T> {
  expect(await server!.end('SIGTERM')).toBe(0);
  const store = await openStore(join(server!.dir, 'data'));
  try {
    return await look(store.meta);
  } finally {
    await store.close();
  }
}

const impactOf = async (meta: MetaStore, ids: string[]): Promise<[objects: number, bytes: number][]> => {
  const impacts = await new KeyImpacts(meta, new Buckets(meta, noSealer)).impactOf(ids);
  return impacts.map(({ objects, bytes }): [number, number] => [objects, bytes]).sort((a, b) => a[0] - b[0]);
};

test('what lies under a key is known by backing key after every way to make and end a version, and is found again without an index', async () => {
  server = await startServer();
  const s3 = server.s3();
  const kms = server.kms();
  const { KeyId, Arn } = (await kms.send(new CreateKeyCommand({}))).KeyMetadata!;
  const materialId = async () => (await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata!.CurrentKeyMaterialId!;
  const under1 = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: KeyId } as const;
  const under2 = { ...under1, BucketKeyEnabled: true };
  const under3 = { ServerSideEncryption: 'aws:kms:dsse', SSEKMSKeyId: KeyId } as const;
  const put = (Bucket: string, Key: string, bytes: number, more = {}) =>
    s3.send(new PutObjectCommand({ Bucket, Key, Body: randomBytes(bytes), ...more }));
  for (const Bucket of ['one', 'two']) await s3.send(new CreateBucketCommand({ Bucket }));
  const Versioning = (Status: 'Enabled' | 'Suspended') =>
    s3.send(new PutBucketVersioningCommand({ Bucket: 'two', VersioningConfiguration: { Status } }));

  const first = await materialId();
  await put('one', 'replaced', 1_000_000, under1);
  await put('one', 'replaced', 100, under1);
  await put('one', 'deleted', 1_000_000, under3);
  await s3.send(new DeleteObjectCommand({ Bucket: 'one', Key: 'deleted' }));
  await put('one', 'bucket-key', 30, under2);
  await put('one', 'plain', 1_000_000);
  await s3.send(new CopyObjectCommand({ Bucket: 'one', Key: 'copy', CopySource: 'one/plain', ...under3 }));
  for (const Key of ['x', 'y']) await put('one', Key, 5, under1);
  const Objects = [{ Key: 'x' }, { Key: 'y' }];
  await s3.send(new DeleteObjectsCommand({ Bucket: 'one', Delete: { Objects } }));
  // In bucket `one`: 100 + 30 + 1,000,000 bytes in three versions.
  await Versioning('Enabled');
  await put('two', 'k', 7, under1);
  const middle = await put('two', 'k', 8, under2);
  await s3.send(new DeleteObjectCommand({ Bucket: 'two', Key: 'k' }));
  await s3.send(new DeleteObjectCommand({ Bucket: 'two', Key: 'k', VersionId: middle.VersionId! }));
  await Versioning('Suspended');
  for (let i = 0; i < 3; i++) await put('two', 'k', 9, under3);
  // In bucket `two`: 7 and 9 bytes.

  await kms.send(new RotateKeyOnDemandCommand({ KeyId }));
  const second = await materialId();
  expect(second).not.toBe(first);
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket: 'one', Key: 'm', ...under1 }));
  const Parts: { PartNumber: number; ETag: string }[] = [];
  for (const PartNumber of [1, 2]) {
    const Body = randomBytes(PartNumber === 1 ? 5 * 1024 * 1024 : 11);
    const part = await s3.send(new UploadPartCommand({ Bucket: 'one', Key: 'm', UploadId, PartNumber, Body }));
    Parts.push({ PartNumber, ETag: part.ETag! });
  }
  const MultipartUpload = { Parts };
  await s3.send(new CompleteMultipartUploadCommand({ Bucket: 'one', Key: 'm', UploadId, MultipartUpload }));
  // The bucket key is still that of before the rotation.
  await put('one', 'bucket-key-2', 1, under2);
  // What the KMS encrypted for a name is encrypted anew for another one, now under the second; what it didn't stays.
  const rename = (from: string, to: string) =>
    s3.send(new RenameObjectCommand({ Bucket: 'one', Key: to, RenameSource: from }));
  await rename('copy', 'copy renamed');
  await rename('bucket-key', 'bucket-key renamed');
  const ObjectEncryption = { SSEKMS: { KMSKeyArn: Arn! } };
  await s3.send(new UpdateObjectEncryptionCommand({ Bucket: 'one', Key: 'plain', ObjectEncryption }));
  await rename('plain', 'plain renamed');
  // Uploads under way are no versions.
  await s3.send(new CreateMultipartUploadCommand({ Bucket: 'two', Key: 'm', ...under1 }));

  const expected = {
    first: [
      [2, 16],
      [3, 131],
    ],
    second: [[3, 5 * 1024 * 1024 + 11 + 2_000_000]],
  };
  const rows = await inside(async (meta) => {
    expect(await impactOf(meta, [first])).toEqual(expected.first);
    expect(await impactOf(meta, [second])).toEqual(expected.second);
    // As an older Coffer would have left it.
    const index = await meta.range({ ...under(TAG.keyUse), limit: 100, keysOnly: true });
    await meta.commit({ dels: [...index.map((row) => row.key), KEY_INDEX_STATE] });
    return index.map((row) => row.key);
  });
  expect(rows).toHaveLength(8);

  server = await startServer({ dir: server.dir });
  await inside(async (meta) => {
    expect(await impactOf(meta, [first])).toEqual(expected.first);
    const again = await meta.range({ ...under(TAG.keyUse), limit: 100, keysOnly: true });
    expect(again.map((row) => row.key)).toEqual(rows);
  });
});
