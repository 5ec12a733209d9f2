import { randomBytes } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteBucketReplicationCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { coffer } from '../support/cli.js';
import { replicate, rule, settled, until, versionedBucket } from '../support/replication.js';
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
      Metadata: { one: '1', word: '=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=' },
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
    expect(copy.Metadata).toEqual({ one: '1', word: '=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=' });
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

describe('more than one destination, and what no rule wants', () => {
  beforeAll(async () => {
    for (const name of ['several', 'copy-one', 'copy-two']) await versionedBucket(s3, name);
    await replicate(s3, 'several', [
      rule('copy-one', { Priority: 1, Filter: { Prefix: 'logs/' } }),
      rule('copy-two', { Priority: 2, Filter: { Tag: { Key: 'keep', Value: 'yes' } } }, 'Disabled'),
    ]);
  });

  test('each rule takes what its filter selects', async () => {
    await put('several', 'logs/a', 'x', { Tagging: 'keep=yes' });
    await put('several', 'logs/b', 'x');
    await put('several', 'other', 'x', { Tagging: 'keep=yes' });
    await put('several', 'neither', 'x');
    for (const Key of ['logs/a', 'logs/b', 'other']) await settled(s3, { Bucket: 'several', Key });
    const head = await s3.send(new HeadObjectCommand({ Bucket: 'several', Key: 'neither' }));
    expect(head.ReplicationStatus).toBeUndefined();
    const keys = async (Bucket: string) =>
      ((await s3.send(new ListObjectVersionsCommand({ Bucket }))).Versions ?? []).map((one) => one.Key);
    expect(await keys('copy-one')).toEqual(['logs/a', 'logs/b']);
    expect(await keys('copy-two')).toEqual(['logs/a', 'other']);
  });

  test('replicas are not replicated again', async () => {
    await replicate(s3, 'copy-one', [rule('copy-two', { Priority: 1 })]);
    await put('several', 'logs/chain', 'x');
    await settled(s3, { Bucket: 'several', Key: 'logs/chain' });
    const head = await s3.send(new HeadObjectCommand({ Bucket: 'copy-one', Key: 'logs/chain' }));
    expect(head.ReplicationStatus).toBe('REPLICA');
    // What is put into the chain's middle itself goes on, and after it the replica would have.
    await put('copy-one', 'logs/own', 'x');
    await settled(s3, { Bucket: 'copy-one', Key: 'logs/own' });
    expect(await versions('copy-two', 'logs/chain')).toEqual([]);
  });
});

test('two buckets replicate to each other: both end with the same versions in the same order, and nothing goes round', async () => {
  for (const name of ['here-it-is', 'there-it-is']) await versionedBucket(s3, name);
  await replicate(s3, 'here-it-is', [rule('there-it-is')]);
  await replicate(s3, 'there-it-is', [rule('here-it-is')]);
  const ids = await Promise.all(
    ['here-it-is', 'there-it-is', 'here-it-is', 'there-it-is', 'here-it-is'].map(
      async (Bucket, i) => (await put(Bucket, 'same', String(i))).VersionId!,
    ),
  );
  const sorted = async (Bucket: string) => (await versions(Bucket, 'same')).sort();
  await until(
    async () => (await sorted('here-it-is')).length === 5 && (await sorted('there-it-is')).length === 5,
    'all',
  );
  expect(await sorted('here-it-is')).toEqual([...ids].sort());
  expect(await sorted('there-it-is')).toEqual([...ids].sort());
  expect((await versions('here-it-is', 'same'))[0]).toBe((await versions('there-it-is', 'same'))[0]);
  for (const Bucket of ['here-it-is', 'there-it-is']) {
    for (const VersionId of ids) {
      const found = await s3.send(new GetObjectCommand({ Bucket, Key: 'same', VersionId }));
      expect(await found.Body!.transformToString()).toBe(String(ids.indexOf(VersionId)));
    }
  }
  const paged: string[] = [];
  let markers: { KeyMarker?: string; VersionIdMarker?: string } = {};
  do {
    const page = await s3.send(
      new ListObjectVersionsCommand({ Bucket: 'here-it-is', Prefix: 'same', MaxKeys: 1, ...markers }),
    );
    paged.push(...(page.Versions ?? []).map((one) => one.VersionId!));
    markers = { KeyMarker: page.NextKeyMarker!, VersionIdMarker: page.NextVersionIdMarker! };
    if (!page.IsTruncated) break;
  } while (paged.length < 20);
  expect(paged).toEqual(await versions('here-it-is', 'same'));
  for (const VersionId of ids) await s3.send(new DeleteObjectCommand({ Bucket: 'here-it-is', Key: 'same', VersionId }));
  expect(await versions('here-it-is', 'same')).toEqual([]);
});

test('changes of a replica go back only where ReplicaModifications says so, and no further', async () => {
  for (const name of ['first-side', 'other-side']) await versionedBucket(s3, name);
  const modifications = (Status: 'Enabled' | 'Disabled') => ({
    SourceSelectionCriteria: { ReplicaModifications: { Status } },
  });
  await replicate(s3, 'first-side', [rule('other-side', modifications('Enabled'))]);
  await replicate(s3, 'other-side', [rule('first-side', modifications('Disabled'))]);
  await put('first-side', 'k', 'x', { Tagging: 'a=1' });
  await settled(s3, { Bucket: 'first-side', Key: 'k' });
  const tag = (Bucket: string, Value: string) =>
    s3.send(new PutObjectTaggingCommand({ Bucket, Key: 'k', Tagging: { TagSet: [{ Key: 'a', Value }] } }));
  const tags = async (Bucket: string) =>
    (await s3.send(new GetObjectTaggingCommand({ Bucket, Key: 'k' }))).TagSet![0]!.Value;
  await tag('other-side', '2');
  await put('first-side', 'k2', 'x');
  await settled(s3, { Bucket: 'first-side', Key: 'k2' });
  expect([await tags('first-side'), await tags('other-side')]).toEqual(['1', '2']);
  await replicate(s3, 'other-side', [rule('first-side', modifications('Enabled'))]);
  await tag('other-side', '3');
  await until(async () => (await tags('first-side')) === '3', 'the change is back');
  await until(async () => /coffer_replication_pending 0/.test(await metrics()), 'nothing is under way');
  for (const [Bucket, status] of [
    ['first-side', 'COMPLETED'],
    ['other-side', 'REPLICA'],
  ]) {
    expect((await s3.send(new HeadObjectCommand({ Bucket, Key: 'k' }))).ReplicationStatus).toBe(status);
    expect(await versions(Bucket!, 'k')).toHaveLength(2);
  }
});

test('a multipart upload comes in its parts, with ETag, checksums and part numbers', async () => {
  for (const name of ['parts-source', 'parts-target']) await versionedBucket(s3, name);
  await replicate(s3, 'parts-source', [rule('parts-target')]);
  const where = { Bucket: 'parts-source', Key: 'big' };
  const begun = await s3.send(
    new CreateMultipartUploadCommand({ ...where, ChecksumAlgorithm: 'SHA256', Tagging: 'a=b' }),
  );
  const { UploadId } = begun;
  const bodies = [randomBytes(5 * 1024 * 1024), randomBytes(6 * 1024 * 1024), randomBytes(123)];
  const Parts = [];
  for (const [i, Body] of bodies.entries()) {
    const PartNumber = 2 * i + 1;
    const sent = new UploadPartCommand({ ...where, UploadId, PartNumber, Body, ChecksumAlgorithm: 'SHA256' });
    const { ETag, ChecksumSHA256 } = await s3.send(sent);
    Parts.push({ PartNumber, ETag, ChecksumSHA256 });
  }
  await s3.send(new CompleteMultipartUploadCommand({ ...where, UploadId, MultipartUpload: { Parts } }));
  await settled(s3, where);
  const source = await s3.send(new HeadObjectCommand({ ...where, ChecksumMode: 'ENABLED' }));
  const copy = await s3.send(new GetObjectCommand({ Bucket: 'parts-target', Key: 'big', ChecksumMode: 'ENABLED' }));
  expect(copy.VersionId).toBe(source.VersionId);
  expect(copy.ETag).toBe(source.ETag);
  expect(copy.ChecksumSHA256).toBe(source.ChecksumSHA256);
  expect(copy.ChecksumType).toBe('COMPOSITE');
  expect(Buffer.from(await copy.Body!.transformToByteArray()).equals(Buffer.concat(bodies))).toBe(true);
  const third = await s3.send(new GetObjectCommand({ Bucket: 'parts-target', Key: 'big', PartNumber: 5 }));
  expect([third.PartsCount, third.ContentLength]).toEqual([3, 123]);
  const left = await s3.send(new ListMultipartUploadsCommand({ Bucket: 'parts-target' }));
  expect(left.Uploads).toBeUndefined();
});

test('existing versions, and those that failed, are replicated by command; it tells how far it is', async () => {
  for (const name of ['before-rules', 'after-rules']) await versionedBucket(s3, name);
  for (const i of [1, 2, 3]) await put('before-rules', 'old', String(i));
  await s3.send(new DeleteObjectCommand({ Bucket: 'before-rules', Key: 'old' }));
  await put('before-rules', 'ünother', 'x');
  const ids = await versions('before-rules');
  await replicate(s3, 'before-rules', [rule('after-rules')]);
  expect(await versions('after-rules')).toEqual([]);
  const run = await coffer(server.dir, ['replication', 'run', 'before-rules', '--json', '--url', server.url]);
  expect(run.stderr).toBe('');
  expect(run.status).toBe(0);
  expect(run.stdout).toContain('"queued":5,"versions":5');
  expect(await versions('after-rules')).toEqual(ids);
  const again = await coffer(server.dir, ['replication', 'run', 'before-rules', '--json', '--url', server.url]);
  expect(again.stdout).toContain('"queued":0,"versions":5');
  expect((await coffer(server.dir, ['replication', 'run', 'nowhere', '--url', server.url])).status).not.toBe(0);
});

test('without a configuration nothing is sent any more: what waited has failed, and says why', async () => {
  for (const name of ['ending', 'ended']) await versionedBucket(s3, name);
  await replicate(s3, 'ending', [rule('ended')]);
  await s3.send(new DeleteBucketCommand({ Bucket: 'ended' }));
  const { VersionId } = await put('ending', 'k', 'x');
  await settled(s3, { Bucket: 'ending', Key: 'k' }, 'FAILED');
  const listed = await coffer(server.dir, ['replication', 'failed', 'ending', '--json', '--url', server.url]);
  expect(listed.stdout).toContain(`"versionId":"${VersionId}"`);
  expect(listed.stdout).toContain('"reason":"DstBucketNotFound"');
  expect(await metrics()).toMatch(/coffer_replication_failed_total\{reason="DstBucketNotFound"\} 1/);
  await versionedBucket(s3, 'ended');
  const run = await coffer(server.dir, ['replication', 'run', 'ending', '--url', server.url]);
  expect(run.status).toBe(0);
  await settled(s3, { Bucket: 'ending', Key: 'k' });
  expect(await versions('ended')).toEqual([VersionId]);
  const empty = await coffer(server.dir, ['replication', 'failed', 'ending', '--json', '--url', server.url]);
  expect(empty.stdout).toContain('"count":0');
  await s3.send(new DeleteBucketReplicationCommand({ Bucket: 'ending' }));
  await put('ending', 'k', 'y');
  expect((await s3.send(new HeadObjectCommand({ Bucket: 'ending', Key: 'k' }))).ReplicationStatus).toBeUndefined();
});
