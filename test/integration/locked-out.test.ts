import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  DeleteBucketPolicyCommand,
  GetBucketPolicyCommand,
  GetObjectCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { coffer } from '../support/cli.js';
import { startServer } from '../support/server.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'coffer-locked-out-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

test('coffer bucket-policy remove is the way back into a bucket whose policy shuts out its own root', async () => {
  const Bucket = 'shut';
  const statement = {
    Effect: 'Deny',
    Principal: '*',
    Action: 's3:*',
    Resource: [`arn:aws:s3:::${Bucket}`, `arn:aws:s3:::${Bucket}/*`],
  };
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
  const first = await startServer({ dir });
  const s3 = first.s3();
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutObjectCommand({ Bucket, Key: 'key', Body: 'kept' }));
  await s3.send(new PutBucketPolicyCommand({ Bucket, Policy, ConfirmRemoveSelfBucketAccess: true }));
  await expect(s3.send(new DeleteBucketPolicyCommand({ Bucket }))).rejects.toMatchObject({ name: 'AccessDenied' });

  const asked = await coffer(dir, ['bucket-policy', 'remove', Bucket, '--url', first.url]);
  expect(asked).toMatchObject({ status: 1, stderr: expect.stringContaining('ServerRuns') });
  await expect(s3.send(new GetObjectCommand({ Bucket, Key: 'key' }))).rejects.toMatchObject({ name: 'AccessDenied' });
  expect(await first.end('SIGTERM')).toBe(0);

  const missing = await coffer(dir, ['bucket-policy', 'remove', 'none']);
  expect(missing).toMatchObject({ status: 1, stderr: expect.stringContaining('there is no bucket') });
  const removed = await coffer(dir, ['bucket-policy', 'remove', Bucket]);
  expect(removed).toMatchObject({ status: 0, stdout: expect.stringContaining(Policy) });
  const again = await coffer(dir, ['bucket-policy', 'remove', Bucket]);
  expect(again).toMatchObject({ status: 1, stderr: expect.stringContaining('has no policy') });

  const second = await startServer({ dir });
  const { Body } = await second.s3().send(new GetObjectCommand({ Bucket, Key: 'key' }));
  expect(await Body!.transformToString()).toBe('kept');
  await expect(second.s3().send(new GetBucketPolicyCommand({ Bucket }))).rejects.toMatchObject({
    name: 'NoSuchBucketPolicy',
  });
  expect(await second.end('SIGTERM')).toBe(0);
});
