import {
  CreateBucketCommand,
  DeleteBucketReplicationCommand,
  DeleteObjectCommand,
  GetBucketReplicationCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROLE, replicate, rule, settled, until, versionedBucket } from '../support/replication.js';
import { startServer, type TestServer } from '../support/server.js';

let server: TestServer;
let s3: S3Client;

beforeAll(async () => {
  server = await startServer();
  s3 = server.s3();
});
afterAll(() => server.close());

const put = (Bucket: string, Key: string, Body: string | Buffer, more = {}) =>
  s3.send(new PutObjectCommand({ Bucket, Key, Body, ...more }));
const versions = async (Bucket: string, Prefix = '') => {
  const { Versions = [], DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix }));
  return [...Versions.map((one) => one.VersionId!), ...DeleteMarkers.map((one) => `marker ${one.VersionId}`)];
};
const metrics = async () => (await fetch(`${server.url}/-/metrics`)).text();

describe('a bucket of the same Coffer', () => {
  beforeAll(async () => {
    await versionedBucket(s3, 'source');
    await versionedBucket(s3, 'target');
    await replicate(s3, 'source', [rule('target')]);
  });

  test('an object comes with id, time, metadata, tags, ETag and checksum, and both sides say how far it is', async () => {
    const body = Buffer.alloc(300_000, 'replicate me ');
    const made = await put('source', 'dir/a b+ä.txt', body, {
      ContentType: 'text/x-thing',
      CacheControl: 'no-store',
      Metadata: { one: '1', word: 'Grüße' },
      Tagging: 'a=1&b=x%20y',
    });
    const Key = 'dir/a b+ä.txt';
    await settled(s3, { Bucket: 'source', Key });
    const source = await s3.send(new HeadObjectCommand({ Bucket: 'source', Key, ChecksumMode: 'ENABLED' }));
    const copy = await s3.send(new GetObjectCommand({ Bucket: 'target', Key, ChecksumMode: 'ENABLED' }));
    expect(copy.VersionId).toBe(made.VersionId);
    expect(copy.ReplicationStatus).toBe('REPLICA');
    expect(copy.LastModified).toEqual(source.LastModified);
    expect(copy.ETag).toBe(source.ETag);
    expect(copy.ChecksumCRC32 ?? copy.ChecksumCRC64NVME).toBe(source.ChecksumCRC32 ?? source.ChecksumCRC64NVME);
    expect(copy.Metadata).toEqual({ one: '1', word: source.Metadata!.word });
    expect(copy.ContentType).toBe('text/x-thing');
    expect(copy.CacheControl).toBe('no-store');
    expect(copy.TagCount).toBe(2);
    expect(Buffer.from(await copy.Body!.transformToByteArray()).equals(body)).toBe(true);
  });

  test('versions of a key come in their order, delete markers too; deleted versions stay', async () => {
    const ids: string[] = [];
    for (const body of ['1', '2', '3']) ids.unshift((await put('source', 'many', body)).VersionId!);
    const marker = await s3.send(new DeleteObjectCommand({ Bucket: 'source', Key: 'many' }));
    const last = await put('source', 'many', '4');
    await settled(s3, { Bucket: 'source', Key: 'many' });
    const expected = [last.VersionId!, ...ids, `marker ${marker.VersionId}`];
    expect(await versions('source', 'many')).toEqual(expected);
    expect(await versions('target', 'many')).toEqual(expected);
    await s3.send(new DeleteObjectCommand({ Bucket: 'source', Key: 'many', VersionId: ids[0] }));
    await put('source', 'many', '5');
    await settled(s3, { Bucket: 'source', Key: 'many' });
    expect((await versions('target', 'many')).length).toBe(6);
  });

  test('tags that change later follow', async () => {
    await put('source', 'tagged', 'x', { Tagging: 'a=1' });
    await settled(s3, { Bucket: 'source', Key: 'tagged' });
    const TagSet = [{ Key: 'b', Value: '2' }];
    await s3.send(new PutObjectTaggingCommand({ Bucket: 'source', Key: 'tagged', Tagging: { TagSet } }));
    await settled(s3, { Bucket: 'source', Key: 'tagged' });
    expect((await s3.send(new GetObjectTaggingCommand({ Bucket: 'target', Key: 'tagged' }))).TagSet).toEqual(TagSet);
    expect((await versions('target', 'tagged')).length).toBe(1);
  });
});
