import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { Agent } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AccountsServer, keyOf, startWithAccounts } from '../support/accounts.js';
import { replicate, rule, settled, until, versionedBucket } from '../support/replication.js';
import { ACCESS_KEY_ID, failedStart, SECRET_ACCESS_KEY, startServer, type TestServer } from '../support/server.js';

const Statement = [
  {
    Effect: 'Allow',
    Action: ['s3:ReplicateObject', 's3:ReplicateDelete', 's3:ReplicateTags', 's3:GetBucketVersioning'],
    Resource: '*',
  },
];
const accounts = [
  {
    accountId: '222222222222',
    name: 'theirs',
    users: [{ userName: 'replicator', policies: [{ Version: '2012-10-17', Statement }] }, { userName: 'nobody' }],
  },
];

let dir: string;
let theirs: AccountsServer;
let ours: TestServer;
let s3: S3Client;
let foreign: { server: Server; puts: { url: string; headers: Record<string, unknown>; body: string }[]; fails: number };

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'coffer-targets-'));
  theirs = await startWithAccounts(accounts);
  foreign = await otherEndpoint();
  const port = (foreign.server.address() as AddressInfo).port;
  const targets = [
    { region: 'us-east-1', endpoint: theirs.url, ...keyOf('replicator') },
    { bucket: 'arn:aws:s3:::closed', region: 'us-east-1', endpoint: theirs.url, ...keyOf('nobody') },
    { bucket: 'arn:aws:s3:::foreign', region: 'eu-west-1', endpoint: `http://127.0.0.1:${port}`, ...keyOf('foreign') },
  ];
  const file = join(dir, 'targets.json');
  await writeFile(file, JSON.stringify({ targets }));
  ours = await startServer({ env: { COFFER_REPLICATION_TARGETS_FILE: file } });
  s3 = ours.s3();
  await versionedBucket(s3, 'at-home');
  await versionedBucket(theirs.as('theirs'), 'far-away');
  await versionedBucket(theirs.as('theirs'), 'closed');
});
afterAll(async () => {
  await ours?.close();
  await theirs?.close();
  foreign?.server.close();
  await rm(dir, { recursive: true, force: true });
});

const put = (Key: string, Body: string | Buffer, more = {}) =>
  s3.send(new PutObjectCommand({ Bucket: 'at-home', Key, Body, ...more }));

test('another Coffer gets versions, parts and delete markers over HTTP under their own ids', async () => {
  await replicate(s3, 'at-home', [rule('far-away')]);
  const away = theirs.as('theirs');
  const body = randomBytes(3_000_000);
  const made = await put('k ü/+', body, { Tagging: 'a=1', Metadata: { m: 'x  y' } });
  const second = await put('k ü/+', 'two');
  const marker = await s3.send(new DeleteObjectCommand({ Bucket: 'at-home', Key: 'k ü/+' }));
  const where = { Bucket: 'at-home', Key: 'parts' };
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(where));
  const Parts = [];
  for (const [i, Body] of [randomBytes(5 * 1024 * 1024), randomBytes(100)].entries()) {
    const { ETag } = await s3.send(new UploadPartCommand({ ...where, UploadId, PartNumber: i + 1, Body }));
    Parts.push({ PartNumber: i + 1, ETag });
  }
  await s3.send(new CompleteMultipartUploadCommand({ ...where, UploadId, MultipartUpload: { Parts } }));
  await settled(s3, where);
  const list = async (client: S3Client, Bucket: string) => {
    const { Versions, DeleteMarkers } = await client.send(new ListObjectVersionsCommand({ Bucket }));
    return [Versions, DeleteMarkers].map((all) =>
      all?.map(({ Key, VersionId, IsLatest, LastModified, ...one }) => [
        ...[Key, VersionId, IsLatest, LastModified],
        'ETag' in one ? one.ETag : '',
      ]),
    );
  };
  await until(async () => (await list(away, 'far-away'))[1]?.length === 1, 'the marker');
  expect(await list(away, 'far-away')).toEqual(await list(s3, 'at-home'));
  expect((await list(away, 'far-away'))[0]!.map((one) => one[1])).toContain(second.VersionId);
  const copy = await away.send(new GetObjectCommand({ Bucket: 'far-away', Key: 'k ü/+', VersionId: made.VersionId }));
  expect(Buffer.from(await copy.Body!.transformToByteArray()).equals(body)).toBe(true);
  expect([copy.ReplicationStatus, copy.TagCount, copy.Metadata]).toEqual(['REPLICA', 1, { m: 'x  y' }]);
  expect(marker.DeleteMarker).toBe(true);
});

test('tags that change later follow', async () => {
  const { VersionId } = await put('tagged', 'x');
  await settled(s3, { Bucket: 'at-home', Key: 'tagged' });
  const TagSet = [{ Key: 'b', Value: '2' }];
  await s3.send(new PutObjectTaggingCommand({ Bucket: 'at-home', Key: 'tagged', Tagging: { TagSet } }));
  await settled(s3, { Bucket: 'at-home', Key: 'tagged' });
  const away = { Bucket: 'far-away', Key: 'tagged', VersionId };
  expect((await theirs.as('theirs').send(new GetObjectTaggingCommand(away))).TagSet).toEqual(TagSet);
});

test('credentials without s3:ReplicateObject fail, whatever they name in headers', async () => {
  await replicate(s3, 'at-home', [rule('closed')]);
  await put('refused', 'x');
  await settled(s3, { Bucket: 'at-home', Key: 'refused' }, 'FAILED');
  const { Versions } = await theirs.as('theirs').send(new ListObjectVersionsCommand({ Bucket: 'closed' }));
  expect(Versions).toBeUndefined();
});

test('an endpoint that is no Coffer gets plain S3 requests, tried again after failures; the body is right', async () => {
  await replicate(s3, 'at-home', [rule('foreign')]);
  foreign.fails = 2;
  await put('to/other', 'the body', { Tagging: 'a=1', ContentType: 'text/plain' });
  await settled(s3, { Bucket: 'at-home', Key: 'to/other' });
  expect(foreign.puts.filter((one) => one.url === '/foreign/to/other')).toHaveLength(3);
  const last = foreign.puts.at(-1)!;
  expect(last.body).toBe('the body');
  expect(last.headers).toMatchObject({ 'content-type': 'text/plain', 'x-amz-tagging': 'a=1', 'content-length': '8' });
  expect(last.headers.authorization).toContain('/eu-west-1/s3/aws4_request');
});

test('an endpoint that is away stays PENDING and catches up', async () => {
  await replicate(s3, 'at-home', [rule('foreign')]);
  foreign.fails = 3;
  await put('later', '1');
  expect((await s3.send(new HeadObjectCommand({ Bucket: 'at-home', Key: 'later' }))).ReplicationStatus).toBe('PENDING');
  await settled(s3, { Bucket: 'at-home', Key: 'later' });
});

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
if (!hasOpenssl) console.warn('openssl is absent: replication over TLS is not tested');

test.skipIf(!hasOpenssl)('over TLS a certificate that isn’t trusted gets nothing, one of caFile does', async () => {
  const secure = await startServer({ env: { COFFER_TLS: 'self-signed' } });
  const ca = join(secure.dir, 'config', 'coffer', 'tls-self-signed.crt');
  const file = join(dir, 'tls.json');
  const base = {
    region: 'us-east-1',
    endpoint: secure.url,
    accessKeyId: ACCESS_KEY_ID,
    secretAccessKey: SECRET_ACCESS_KEY,
  };
  const targets = [
    { ...base, bucket: 'arn:aws:s3:::trusted', caFile: ca },
    { ...base, bucket: 'arn:aws:s3:::distrusted' },
  ];
  await writeFile(file, JSON.stringify({ targets }));
  const away = secure.s3({ requestHandler: { httpsAgent: new Agent({ ca: await readFile(ca) }) } });
  const server = await startServer({ env: { COFFER_REPLICATION_TARGETS_FILE: file } });
  try {
    const s3 = server.s3();
    for (const name of ['trusted', 'distrusted']) await versionedBucket(away, name);
    for (const name of ['to-trusted', 'to-distrusted']) await versionedBucket(s3, name);
    await replicate(s3, 'to-trusted', [rule('trusted')]);
    await replicate(s3, 'to-distrusted', [rule('distrusted')]);
    for (const Bucket of ['to-trusted', 'to-distrusted']) {
      await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: randomBytes(200_000) }));
    }
    await settled(s3, { Bucket: 'to-trusted', Key: 'k' });
    const waiting = await s3.send(new HeadObjectCommand({ Bucket: 'to-distrusted', Key: 'k' }));
    expect(waiting.ReplicationStatus).toBe('PENDING');
    expect((await away.send(new ListObjectVersionsCommand({ Bucket: 'distrusted' }))).Versions).toBeUndefined();
    expect((await away.send(new ListObjectVersionsCommand({ Bucket: 'trusted' }))).Versions).toHaveLength(1);
    expect(server.output()).not.toContain(SECRET_ACCESS_KEY);
  } finally {
    await server.close();
    await secure.close();
  }
});

test('a targets file that would send objects in clear, or that says nothing usable, stops the start', async () => {
  const bad = join(dir, 'bad.json');
  const base = { region: 'us-east-1', accessKeyId: 'AKIA', secretAccessKey: 'the-secret-itself' };
  const cases: [unknown, string][] = [
    [{ ...base, endpoint: 'http://s3.example.com' }, 'cross the network in clear'],
    [{ ...base, endpoint: 'ftp://s3.example.com' }, 'not an http(s) URL'],
    [{ ...base, endpoint: 'https://u:p@s3.example.com' }, 'must not hold credentials'],
    [{ ...base }, 'has no text endpoint'],
    [{ ...base, endpoint: 'https://s3.example.com', bucket: 'b' }, 'not an ARN'],
    [{ ...base, endpoint: 'https://s3.example.com', color: 'red' }, 'unknown member'],
  ];
  for (const [target, message] of cases) {
    await writeFile(bad, JSON.stringify({ targets: [target] }));
    const home = await mkdtemp(join(tmpdir(), 'coffer-bad-'));
    const { code, output } = await failedStart(home, { COFFER_REPLICATION_TARGETS_FILE: bad });
    expect([code, output.includes(message)], output).toEqual([1, true]);
    expect(output).not.toContain('the-secret-itself');
    await rm(home, { recursive: true, force: true });
  }
});

/** Takes anything, but for the requests that it fails; answers with version ids of its own. */
async function otherEndpoint() {
  const state = { puts: [] as { url: string; headers: Record<string, unknown>; body: string }[], fails: 0 };
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      if (request.method === 'GET') {
        response.end('<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>');
        return;
      }
      state.puts.push({ url: request.url!, headers: request.headers, body });
      if (state.fails-- > 0) response.writeHead(503).end();
      else response.writeHead(200, { 'x-amz-version-id': 'somebody-elses-id' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(state, { server });
}
