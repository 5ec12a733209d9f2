import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateKeyCommand } from '@aws-sdk/client-kms';
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  type LifecycleRule,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isCluster } from '../support/cluster.js';
import { startServer, type TestServer } from '../support/server.js';

let server: TestServer;
let s3: S3Client;
const env = { COFFER_DAY_SECONDS: '1' };

beforeAll(async () => {
  server = await startServer({ env });
  s3 = server.s3();
});
afterAll(() => server?.close());

async function bucket(Bucket: string, options: { versioned?: boolean; locked?: boolean } = {}): Promise<string> {
  await s3.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: options.locked ?? false }));
  if (options.versioned) {
    await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  }
  return Bucket;
}
const configure = (Bucket: string, ...rules: Partial<LifecycleRule>[]) =>
  s3.send(
    new PutBucketLifecycleConfigurationCommand({
      Bucket,
      LifecycleConfiguration: { Rules: rules.map((rule) => ({ Filter: {}, Status: 'Enabled', ...rule })) },
    }),
  );
const put = (Bucket: string, Key: string, extra = {}) =>
  s3.send(new PutObjectCommand({ Bucket, Key, Body: 'test', ...extra }));

/** `key` of versions, `key!` of delete markers, `key*` of current ones. */
async function versions(Bucket: string): Promise<string[]> {
  const { Versions = [], DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket }));
  const told = (mark: string) => (one: { Key?: string | undefined; IsLatest?: boolean | undefined }) =>
    `${one.Key}${mark}${one.IsLatest ? '*' : ''}`;
  return [...Versions.map(told('')), ...DeleteMarkers.map(told('!'))].sort();
}

/** Days are seconds here, and a run comes with each: what is to be seen is waited for. */
async function until<T>(read: () => Promise<T>, wanted: T): Promise<void> {
  let found = await read();
  while (JSON.stringify(found) !== JSON.stringify(wanted)) {
    await sleep(100);
    found = await read();
  }
}

test('objects expire by rule, whatever key they are under, and others stay', async () => {
  const Bucket = await bucket('expires');
  const { KeyMetadata } = await server.kms().send(new CreateKeyCommand({}));
  const key = randomBytes(32);
  const SSECustomerKeyMD5 = createHash('md5').update(key).digest('base64');
  const customer = { SSECustomerAlgorithm: 'AES256', SSECustomerKey: key.toString('base64'), SSECustomerKeyMD5 };
  await put(Bucket, 'x/plain');
  await put(Bucket, 'x/customer', customer);
  await put(Bucket, 'x/kms', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: KeyMetadata!.Arn });
  await put(Bucket, 'x/large', { Body: randomBytes(300_000) });
  await put(Bucket, 'y');
  await configure(Bucket, { Filter: { Prefix: 'x/' }, Expiration: { Days: 1 } });
  await until(() => versions(Bucket), ['y*']);
});

test('versions become noncurrent, go, and leave no marker', async () => {
  const Bucket = await bucket('versions', { versioned: true });
  await put(Bucket, 'k');
  await put(Bucket, 'k');
  await configure(Bucket, { Filter: { Prefix: 'k' }, Expiration: { Days: 1 } });
  await until(() => versions(Bucket), ['k', 'k', 'k!*']);
  await configure(Bucket, {
    NoncurrentVersionExpiration: { NoncurrentDays: 1, NewerNoncurrentVersions: 1 },
  });
  await until(() => versions(Bucket), ['k', 'k!*']);
  await configure(Bucket, {
    Expiration: { ExpiredObjectDeleteMarker: true },
    NoncurrentVersionExpiration: { NoncurrentDays: 1 },
  });
  await until(() => versions(Bucket), []);
});

test('a locked version stays; what is not locked goes', async () => {
  const Bucket = await bucket('locked', { locked: true });
  const RetainUntilDate = new Date(Date.now() + 3_600_000);
  const lock = { ObjectLockMode: 'GOVERNANCE', ObjectLockRetainUntilDate: RetainUntilDate, ContentMD5: md5('test') };
  await put(Bucket, 'locked', lock);
  await put(Bucket, 'free');
  for (const Key of ['locked', 'free']) await s3.send(new DeleteObjectCommand({ Bucket, Key }));
  await configure(Bucket, {
    Expiration: { ExpiredObjectDeleteMarker: true },
    NoncurrentVersionExpiration: { NoncurrentDays: 1 },
  });
  await until(() => versions(Bucket), ['locked', 'locked!*']);
  await sleep(1500);
  expect(await versions(Bucket)).toEqual(['locked', 'locked!*']);
});

test('storage classes change by rule, and uploads are aborted', async () => {
  const Bucket = await bucket('moves');
  await put(Bucket, 'k');
  await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'upload' }));
  await configure(
    Bucket,
    { Filter: { ObjectSizeGreaterThan: 1 }, Transitions: [{ Days: 1, StorageClass: 'GLACIER_IR' }] },
    { AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } },
  );
  const seen = async () => {
    const { StorageClass } = await s3.send(new HeadObjectCommand({ Bucket, Key: 'k' }));
    const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket }));
    return [StorageClass, Uploads.length];
  };
  await until(seen, ['GLACIER_IR', 0]);
});

test('a run is told in the log and in the metrics, and a start makes up for what was missed', async () => {
  const Bucket = await bucket('restart');
  await configure(Bucket, { Expiration: { Date: new Date('2020-01-01T00:00:00Z') }, Filter: { Prefix: 'late' } });
  const counted = async (): Promise<number> => {
    const text = await (await fetch(`${server.url}/-/metrics`)).text();
    return Number(/^coffer_lifecycle_expired_total (\d+)$/m.exec(text)?.[1] ?? -1);
  };
  // Of several gateways, the one that did it counts it.
  if (!isCluster) expect(await counted()).toBeGreaterThanOrEqual(4);
  expect(server.output()).toContain('"msg":"lifecycle rules were applied"');
  await Promise.all(Array.from({ length: 300 }, (_, i) => put(Bucket, `late/${i}`)));
  await put(Bucket, 'kept');
  expect(await server.end('SIGKILL')).toBe(null);
  server = await startServer({ env, dir: server.dir });
  s3 = server.s3();
  await until(() => versions(Bucket), ['kept*']);
  expect(await server.end('SIGTERM')).toBe(0);
  server = await startServer({ env, dir: server.dir });
  s3 = server.s3();
  expect(await versions(Bucket)).toEqual(['kept*']);
});

const md5 = (text: string): string => createHash('md5').update(text).digest('base64');
