import { CreateKeyCommand, ScheduleKeyDeletionCommand } from '@aws-sdk/client-kms';
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectLegalHoldCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { coffer, startCli } from '../support/cli.js';
import { customerKey } from '../support/customer-key.js';
import { startServer, type TestServer } from '../support/server.js';

const Bucket = 'rewrapped-at-once';
const KEYS = 120;
const VERSIONS = 2 * KEYS;

let server: TestServer;
let first: string;
let second: string;

beforeAll(async () => {
  server = await startServer();
  const s3 = server.s3();
  await s3.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }));
  await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  const create = async () => (await server.kms().send(new CreateKeyCommand({}))).KeyMetadata!.Arn!;
  [first, second] = [await create(), await create()];
  for (const round of [0, 1]) {
    const put = (i: number) =>
      s3.send(
        new PutObjectCommand({
          ...{ Bucket, Key: `k${i}`, Body: `body ${round} of ${i}` },
          ...{ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: first, BucketKeyEnabled: i % 2 === 0 },
        }),
      );
    await Promise.all(Array.from({ length: KEYS }, (_, i) => put(i)));
  }
  const under = { Bucket, Body: 'x', ServerSideEncryption: 'aws:kms', SSEKMSKeyId: first } as const;
  await s3.send(new PutObjectCommand({ ...under, Key: 'z-held' }));
  await s3.send(new PutObjectLegalHoldCommand({ Bucket, Key: 'z-held', LegalHold: { Status: 'ON' } }));
  await s3.send(new PutObjectCommand({ Bucket, Key: 'z-customer', Body: 'x', ...customerKey() }));
});
afterAll(() => server?.close());

const json = (stdout: string) =>
  stdout
    .trimEnd()
    .split('\n')
    .map((text) => JSON.parse(text));

async function impact(key: string): Promise<number> {
  const { stdout } = await coffer(server.dir, ['key', 'impact', key, '--json', '--url', server.url]);
  return json(stdout)[0].objects;
}

/** @returns how many versions read as they were written. */
async function readAll(): Promise<number> {
  const { Versions = [] } = await server.s3().send(new ListObjectVersionsCommand({ Bucket, Prefix: 'k' }));
  const bodies = await Promise.all(
    Versions.map(async ({ Key, VersionId }) => {
      const found = await server.s3().send(new GetObjectCommand({ Bucket, Key: Key!, VersionId: VersionId! }));
      return `${Key} ${await found.Body!.transformToString()}`;
    }),
  );
  const expected = [0, 1].flatMap((round) => Array.from({ length: KEYS }, (_, i) => `k${i} body ${round} of ${i}`));
  expect(bodies.sort()).toEqual(expected.sort());
  return bodies.length;
}

const rewrap = (from: string, to: string, ...more: string[]): string[] => [
  'objects',
  'rewrap',
  '--from',
  from,
  '--to',
  to,
  ...more,
];

test('a run that is killed ends in the server too, and one more does the rest', async () => {
  const { child, ran } = startCli(server.dir, rewrap(first, second, '--rate', '80', '--url', server.url));
  await new Promise<void>((resolve) => {
    child.stderr!.on('data', (text: string) => {
      if (/versions: [2-9]0 %/.test(text)) resolve();
    });
  });
  child.kill('SIGKILL');
  expect((await ran).status).toBeNull();
  // Whoever asks again goes on: what the first does until it sees that nobody listens, it does once.
  const left = await impact(first);
  expect(left).toBeGreaterThan(1);
  expect(left).toBeLessThan(VERSIONS);
  const again = await coffer(server.dir, [...rewrap(first, second), '--json', '--url', server.url]);
  expect([again.status, again.stderr]).toEqual([0, '']);
  const messages = json(again.stdout);
  const summary = messages.find((one) => one.rewrapped !== undefined);
  expect(summary.rewrapped).toBeGreaterThan(0);
  expect(summary).toMatchObject({ skipped: { locked: 1 }, failed: 0 });
  // The two may meet: what the first gets to before the second is `changed` for the second.
  const details = messages.filter((one) => one.key !== undefined && one.skipped !== 'changed');
  expect(details).toMatchObject([{ bucket: Bucket, key: 'z-held', skipped: 'locked' }]);
  const s3 = server.s3();
  await s3.send(new PutObjectLegalHoldCommand({ Bucket, Key: 'z-held', LegalHold: { Status: 'OFF' } }));
  expect((await coffer(server.dir, [...rewrap(first, second), '--url', server.url])).status).toBe(0);
  expect(await impact(first)).toBe(0);
  expect(await impact(second)).toBe(VERSIONS + 1);
  await server.kms().send(new ScheduleKeyDeletionCommand({ KeyId: first, PendingWindowInDays: 7 }));
  expect(await readAll()).toBe(VERSIONS);
});

test('without a server the command does the same as the bucket owner’s root, and the audit log holds', async () => {
  const third = (await server.kms().send(new CreateKeyCommand({}))).KeyMetadata!.Arn!;
  expect(await server.end('SIGTERM')).toBe(0);
  const ran = await coffer(server.dir, ['objects', 'rewrap', '--bucket', Bucket, '--to', third, '--bucket-key', 'on']);
  expect([ran.status, ran.stdout]).toEqual([
    0,
    `${VERSIONS + 1} versions rewrapped, 0 were already, 1 skipped (SSE-C), 0 failed\n`,
  ]);
  expect(ran.stderr).toContain('versions: 100 %');
  const again = await coffer(server.dir, [
    'objects',
    'rewrap',
    '--bucket',
    Bucket,
    '--to',
    third,
    '--bucket-key',
    'on',
  ]);
  expect(again.stdout).toContain(`0 versions rewrapped, ${VERSIONS + 1} were already`);
  const audit = await coffer(server.dir, ['audit', 'verify']);
  expect([audit.status, audit.stderr]).toEqual([0, '']);
  expect((await coffer(server.dir, rewrap(second, 'arn:x'))).status).toBe(2);
  server = await startServer({ dir: server.dir });
  expect(await impact(second)).toBe(0);
  expect(await readAll()).toBe(VERSIONS);
  const head = await server.s3().send(new HeadObjectCommand({ Bucket, Key: 'k1' }));
  expect(head).toMatchObject({ SSEKMSKeyId: third, BucketKeyEnabled: true });
});
