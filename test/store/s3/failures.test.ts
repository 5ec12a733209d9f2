import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { BlobStore, Run } from '../../../src/store/ports.js';
import { openS3Blobs } from '../../../src/store/s3/open.js';
import { ACCESS_KEY_ID, SECRET_ACCESS_KEY, startServer, type TestServer } from '../../support/server.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

const OWNER = Buffer.alloc(16, 1);
const STORE_ID = '11111111-1111-4111-8111-111111111111';
let server: TestServer;
let proxy: TcpProxy;
let dir: string;
const opened: BlobStore[] = [];

beforeAll(async () => {
  server = await startServer();
  await server.s3().send(new CreateBucketCommand({ Bucket: 'blobs' }));
  dir = await mkdtemp(join(tmpdir(), 'coffer-s3-failures-'));
  await credentials('right', ACCESS_KEY_ID, SECRET_ACCESS_KEY);
  await credentials('wrong', ACCESS_KEY_ID, 'x'.repeat(40));
  await credentials('unknown', 'AKIAIOSFODNN7NOBODY99', SECRET_ACCESS_KEY);
});
afterAll(async () => {
  await server.close();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(async () => {
  proxy = await TcpProxy.start(() => server.port);
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  await proxy.close();
});

const credentials = (name: string, id: string, secret: string) =>
  writeFile(join(dir, name), `[default]\naws_access_key_id = ${id}\naws_secret_access_key = ${secret}\n`);
const urlOf = (endpoint: string, { bucket = 'blobs', prefix = 'p', who = 'right' } = {}) =>
  `s3://${bucket}?endpoint=${endpoint}&prefix=${prefix}&credentials=${join(dir, who)}`;
async function open(url: string, { graceMs = 900_000, storeId = STORE_ID } = {}): Promise<BlobStore> {
  const store = await openS3Blobs(url, { onTrouble: () => {}, graceMs, password: undefined, storeId });
  opened.push(store);
  return store;
}
const read = (store: BlobStore, run: Run, from = 0, count = run.count - from) =>
  store.snapshot().read(OWNER, run, from, count);
const same = (a: Buffer[], b: Buffer[]) => a.length === b.length && a.every((value, i) => value.equals(b[i]!));

test.each([
  ['a bucket that is not there', () => urlOf(server.url, { bucket: 'none' }), 'there is no such bucket'],
  ['a wrong secret', () => urlOf(server.url, { who: 'wrong' }), 'the credentials are refused (SignatureDoesNotMatch)'],
  [
    'unknown credentials',
    () => urlOf(server.url, { who: 'unknown' }),
    'the credentials are refused (InvalidAccessKeyId)',
  ],
  ['no credentials', () => urlOf(server.url, { who: 'no-such-file' }), 'no credentials were found'],
  ['a parameter that is unknown', () => `${urlOf(server.url)}&acl=public`, 'there is no parameter "acl"'],
  ['neither endpoint nor region', () => 's3://blobs', 'without an endpoint it needs a region'],
  ['a password in it', () => 's3://me:hunter2@blobs?region=x', 'there is no user or password in it'],
  ['one in the endpoint', () => 's3://blobs?endpoint=http://me:hunter2@h', 'has no user, password or parameters'],
])('what a place lacks is a line for its owner, without secrets: %s', async (_, url, message) => {
  const error = (await open(url()).catch((failure: Error) => failure)) as Error;
  expect(error).toMatchObject({ name: 'ConfigError', message: expect.stringContaining(message) });
  expect(error.message).not.toMatch(/hunter2|wJalr|xxxx/);
  expect(error.message).not.toContain('\n');
});

test('a place that holds the blobs of another store, or other objects, is refused', async () => {
  await open(urlOf(server.url, { prefix: 'mine' }));
  await open(urlOf(server.url, { prefix: 'mine' }));
  const other = randomUUID();
  await expect(open(urlOf(server.url, { prefix: 'mine' }), { storeId: other })).rejects.toThrow(
    `holds the blobs of another store (${STORE_ID}); the rows are those of ${other}`,
  );
  await server.s3().send(new PutObjectCommand({ Bucket: 'blobs', Key: 'photos/cat.jpg', Body: 'x' }));
  await expect(open(urlOf(server.url, { prefix: 'photos' }))).rejects.toThrow('holds other objects ("cat.jpg")');
});

test('a connection that is cut at any point of a PUT is made anew, and the run is stored', async () => {
  const store = await open(urlOf(proxy.url));
  let at = 0;
  for (const cutAfterBytes of [0, 300, 100_000, 900_000]) {
    proxy.cutAll();
    proxy.up = { cutAfterBytes };
    proxy.cuts = 2;
    const values = [randomBytes(500_000), randomBytes(500_000)];
    const run = await store.put(OWNER, values, at);
    expect(proxy.cuts).toBe(0);
    proxy.up = 'pass';
    at += 2;
    expect(same(await read(store, run), values)).toBe(true);
  }
});

test('a connection that is cut before or in the answer to a GET: the right bytes, or an error', async () => {
  const store = await open(urlOf(proxy.url, { prefix: 'gets' }));
  const values = [randomBytes(500_000), randomBytes(500_000)];
  const run = await store.put(OWNER, values, 0);
  for (const cutAfterBytes of [0, 100, 2000, 700_000]) {
    proxy.cutAll();
    proxy.down = { cutAfterBytes };
    proxy.cuts = 2;
    expect(same(await read(store, run), values)).toBe(true);
    expect(proxy.cuts).toBe(0);
  }
  proxy.down = { cutAfterBytes: 200_000 };
  proxy.cuts = Number.POSITIVE_INFINITY;
  await expect(read(store, run)).rejects.toMatchObject({ name: 'NoAnswer' });
});

test('a PUT that was stored although nobody heard of it is in doubt: its run is named, is there, and can be deleted', async () => {
  const store = await open(urlOf(proxy.url, { prefix: 'doubt' }));
  proxy.cutAll();
  proxy.down = { cutAfterBytes: 0 };
  const failure = await store.put(OWNER, [randomBytes(1000)], 4).catch((error: Error) => error);
  expect(failure).toMatchObject({ name: 'PutInDoubt', run: { first: 4, count: 1 } });
  proxy.down = 'pass';
  const runs: Run[] = [];
  for await (const { run } of store.left([OWNER], 0)) runs.push(run);
  expect(runs).toEqual([{ first: 4, count: 1 }]);
  await store.delete(OWNER, runs);
  for await (const found of store.list()) expect(found).toBeUndefined();
});

test('a server that takes everything and says nothing is given up within half of what readers are given', async () => {
  const store = await open(urlOf(proxy.url, { prefix: 'silent' }), { graceMs: 1000 });
  const run = await store.put(OWNER, [randomBytes(1000)], 0);
  proxy.up = 'swallow';
  const attempts = [
    store.put(OWNER, [randomBytes(1000)], 1),
    read(store, run),
    store.delete(OWNER, [run]),
    store.left([OWNER], 0)[Symbol.asyncIterator]().next(),
  ];
  const outcomes = await Promise.allSettled(attempts as Promise<unknown>[]);
  expect(outcomes.map((one) => one.status === 'rejected' && one.reason.name)).toEqual([
    'PutInDoubt',
    'NoAnswer',
    'NoAnswer',
    'NoAnswer',
  ]);
  expect(String((outcomes[0] as PromiseRejectedResult).reason)).toContain('took longer than');
});

test('a server that is gone is unavailable, and is used again when it is back', async () => {
  const store = await open(urlOf(proxy.url, { prefix: 'gone' }));
  const values = [randomBytes(1000)];
  const run = await store.put(OWNER, values, 0);
  expect(await store.trouble!()).toBeUndefined();
  await server.end('SIGTERM');
  expect(await store.trouble!()).toMatch(/the bucket blobs .* doesn't answer|takes long/);
  await expect(read(store, run)).rejects.toMatchObject({ name: 'NoAnswer' });
  await expect(store.put(OWNER, values, 1)).rejects.toMatchObject({ name: 'PutInDoubt' });
  server = await startServer({ dir: server.dir });
  expect(await store.trouble!()).toBeUndefined();
  expect(same(await read(store, run), values)).toBe(true);
});

test("an object that lies under another's name, is damaged or is cut off is named, and nothing of it is read", async () => {
  const s3 = server.s3();
  const store = await open(urlOf(server.url, { prefix: 'swap' }));
  const values = [randomBytes(1000), randomBytes(500)];
  const runs = [await store.put(OWNER, values, 0), await store.put(OWNER, values, 2)];
  const key = (run: Run) => `swap/${OWNER.toString('hex')}/${run.first}-${run.count}`;
  await s3.send(new CopyObjectCommand({ Bucket: 'blobs', CopySource: `blobs/${key(runs[1]!)}`, Key: key(runs[0]!) }));
  await expect(read(store, runs[0]!)).rejects.toThrow("is another run's");
  const put = (Body: Buffer) => s3.send(new PutObjectCommand({ Bucket: 'blobs', Key: key(runs[0]!), Body }));
  await put(Buffer.from('no run'));
  await expect(read(store, runs[0]!)).rejects.toMatchObject({ name: 'StoreDamaged' });
  const { formatHeader } = await import('../../../src/store/run-objects/format.js');
  const header = formatHeader(OWNER, runs[0]!, [1000, 500]);
  await put(Buffer.concat([header, randomBytes(1499)]));
  await expect(read(store, runs[0]!)).rejects.toThrow('is cut off');
  expect(await read(store, runs[0]!, 0, 1)).toHaveLength(1);
  header.writeUInt8(header[32]! ^ 1, 33);
  await put(Buffer.concat([header, randomBytes(1500)]));
  await expect(read(store, runs[0]!, 1, 1)).rejects.toThrow('damaged header');
  await s3.send(new DeleteObjectCommand({ Bucket: 'blobs', Key: key(runs[0]!) }));
  await expect(read(store, runs[0]!)).rejects.toMatchObject({ name: 'BlobMissing' });
  // What isn't a run's is left out of lists.
  await s3.send(new PutObjectCommand({ Bucket: 'blobs', Key: 'swap/notes.txt', Body: 'x' }));
  const listed: Run[] = [];
  for await (const { run } of store.list()) listed.push(run);
  expect(listed).toEqual([runs[1]]);
});

/** A server that answers by a script, once it has been opened against. */
async function scripted(answer: (method: string, response: ServerResponse) => void, graceMs = 900_000) {
  let begun = false;
  const requests: string[] = [];
  const fake: Server = createServer((request, response) => {
    request.resume().on('end', () => {
      const { method = '', url = '' } = request;
      if (begun) {
        requests.push(method);
        return answer(method, response);
      }
      const marker = Buffer.from(`{"blobsOf":"${STORE_ID}","format":1}`);
      if (url.includes('list-type=2')) return response.end('<ListBucketResult></ListBucketResult>');
      response.writeHead(206, { 'content-range': `bytes 0-${marker.length - 1}/${marker.length}` }).end(marker);
    });
  }).listen(0, '127.0.0.1');
  await once(fake, 'listening');
  const store = await open(urlOf(`http://127.0.0.1:${(fake.address() as AddressInfo).port}`), { graceMs });
  begun = true;
  return { store, requests, close: () => new Promise((resolve) => fake.close(resolve).closeAllConnections()) };
}
const refuse = (status: number, code: string) => (_: string, response: ServerResponse) =>
  response.writeHead(status).end(`<Error><Code>${code}</Code><Message>no</Message></Error>`);

test.each([
  [503, 'SlowDown', 'PutInDoubt', 'NoAnswer', true],
  [500, 'InternalError', 'PutInDoubt', 'NoAnswer', true],
  [507, 'InsufficientStorage', 'StoreReadOnly', 'StoreReadOnly', undefined],
  [400, 'QuotaExceeded', 'StoreReadOnly', 'StoreReadOnly', false],
  [403, 'AccessDenied', 'StoreUnavailable', 'StoreUnavailable', false],
  [404, 'NoSuchBucket', 'StoreUnavailable', 'StoreUnavailable', false],
])('an answer of %i %s', async (status, code, put, get, again) => {
  const { store, requests, close } = await scripted(refuse(status, code));
  try {
    await expect(store.put(OWNER, [randomBytes(10)], 0)).rejects.toMatchObject({ name: put });
    // Tried again where it may help, so often and no more.
    if (again !== undefined) expect(requests).toHaveLength(again ? 4 : 1);
    await expect(read(store, { first: 0, count: 1 })).rejects.toMatchObject({ name: get });
  } finally {
    await close();
  }
});

test('a server that is busy for a moment is asked again', async () => {
  let left = 2;
  const { store, close } = await scripted((_, response) =>
    left-- > 0 ? refuse(503, 'SlowDown')(_, response) : response.end(),
  );
  try {
    expect(await store.put(OWNER, [randomBytes(10)], 0)).toEqual({ first: 0, count: 1 });
  } finally {
    await close();
  }
});

test('an answer that stops in its middle is given up in time, and nothing else comes of it', async () => {
  const { store, close } = await scripted((_, response) => {
    response.writeHead(206, { 'content-range': 'bytes 0-5000/90000' });
    response.write(randomBytes(1000));
  }, 1000);
  try {
    const failures = await Promise.all(
      [0, 1, 2].map((first) => read(store, { first, count: 1 }).catch((error: Error) => error.name)),
    );
    expect(failures).toEqual(['NoAnswer', 'NoAnswer', 'NoAnswer']);
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    await close();
  }
});

test('a server that ignores ranges is not believed', async () => {
  const { store, close } = await scripted((_, response) => response.end(randomBytes(5000)));
  try {
    await expect(read(store, { first: 0, count: 1 })).rejects.toThrow('not the range');
  } finally {
    await close();
  }
});

test('every PUT carries a checksum that the server compares', async () => {
  const listed = await server.s3().send(new ListObjectsV2Command({ Bucket: 'blobs', Prefix: 'mine/' }));
  expect(listed.Contents?.[0]).toMatchObject({ Key: 'mine/coffer', ChecksumAlgorithm: ['CRC32C'] });
});
