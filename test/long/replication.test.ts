import { createHash, randomBytes, randomInt } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { customerKey } from '../support/customer-key.js';
import { replicate, rule, until, versionedBucket } from '../support/replication.js';
import { ACCESS_KEY_ID, SECRET_ACCESS_KEY, startServer, type TestServer } from '../support/server.js';

const CYCLES = 12;
const PUTS = 40;
const KEYS = 7;
const NOT_TO_BE_SEEN = 'the plaintext under a key of a customer ';

let folder: string;
let source: TestServer;
let target: TestServer;
let wire: Wire;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coffer-replication-'));
  target = await startServer();
  wire = await Wire.before(() => target.port);
  const targets = [
    {
      region: 'us-east-1',
      endpoint: `http://127.0.0.1:${wire.port}`,
      accessKeyId: ACCESS_KEY_ID,
      secretAccessKey: SECRET_ACCESS_KEY,
    },
  ];
  await writeFile(join(folder, 'targets.json'), JSON.stringify({ targets }));
  source = await startSource();
  await versionedBucket(source.s3(), 'the-source');
  await versionedBucket(target.s3(), 'the-target');
  await replicate(source.s3(), 'the-source', [rule('the-target')]);
});
afterAll(async () => {
  await source?.close();
  await target?.close();
  wire?.close();
  await rm(folder, { recursive: true, force: true });
});

const startSource = (dir?: string) =>
  startServer({ ...(dir && { dir }), env: { COFFER_REPLICATION_TARGETS_FILE: join(folder, 'targets.json') } });

test('source and target are killed again and again: nothing is lost, nothing doubled, ids and order stay', async () => {
  const key = customerKey();
  const acknowledged = new Map<string, string>();
  const underCustomersKey = new Set<string>();
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    const s3 = source.s3();
    const puts = Array.from({ length: PUTS }, async (_, i) => {
      await sleep(randomInt(400));
      const Key = `key-${randomInt(KEYS)}`;
      if (i % 10 === 9) {
        await s3.send(new DeleteObjectCommand({ Bucket: 'the-source', Key }));
        return;
      }
      if (i % 10 === 8) {
        const where = { Bucket: 'the-source', Key: `customer-${randomInt(KEYS)}` };
        const made = await s3.send(new PutObjectCommand({ ...where, Body: NOT_TO_BE_SEEN.repeat(2000), ...key }));
        underCustomersKey.add(made.VersionId!);
        return;
      }
      const body = randomBytes(randomInt(10) === 0 ? 2_000_000 : randomInt(20_000));
      const made = await s3.send(new PutObjectCommand({ Bucket: 'the-source', Key, Body: body }));
      acknowledged.set(made.VersionId!, createHash('sha256').update(body).digest('hex'));
    });
    if (cycle % 4 === 1) puts.push(multipart(s3, acknowledged));
    // Those that a kill cuts off are told below.
    for (const put of puts) put.catch(() => {});
    await sleep(randomInt(500));
    if (cycle % 2 === 0) {
      const { dir } = source;
      await source.end('SIGKILL');
      await Promise.allSettled(puts);
      source = await startSource(dir);
    } else {
      const { dir } = target;
      await target.end('SIGKILL');
      await Promise.allSettled(puts);
      target = await startServer({ dir });
    }
  }
  expect(acknowledged.size).toBeGreaterThan(CYCLES * 5);
  expect(underCustomersKey.size).toBeGreaterThan(CYCLES / 2);
  const s3 = source.s3();
  const pending = async () => {
    const metrics = await (await fetch(`${source.url}/-/metrics`)).text();
    return /coffer_replication_pending (\d+)/.exec(metrics)![1];
  };
  const wanted = (await versions(s3, 'the-source')).filter((one) => !one.key.startsWith('customer-'));
  await until(async () => (await versions(target.s3(), 'the-target')).length >= wanted.length, 'everything', 120_000);
  await until(async () => (await pending()) === '0', 'an empty queue', 60_000);

  expect(await versions(target.s3(), 'the-target')).toEqual(wanted);
  const ids = new Set(wanted.map((one) => one.versionId));
  let compared = 0;
  for (const [versionId, sha256] of acknowledged) {
    expect(ids.has(versionId)).toBe(true);
    const { key: Key } = wanted.find((one) => one.versionId === versionId)!;
    const copy = await target.s3().send(new GetObjectCommand({ Bucket: 'the-target', Key, VersionId: versionId }));
    expect(copy.ReplicationStatus).toBe('REPLICA');
    const body = await copy.Body!.transformToByteArray();
    expect(createHash('sha256').update(body).digest('hex')).toBe(sha256);
    const head = await s3.send(new HeadObjectCommand({ Bucket: 'the-source', Key, VersionId: versionId }));
    expect(head.ReplicationStatus).toBe('COMPLETED');
    compared++;
  }
  expect(compared).toBe(acknowledged.size);
  const left = await target.s3().send(new ListMultipartUploadsCommand({ Bucket: 'the-target' }));
  expect(left.Uploads).toBeUndefined();

  for (const { key: Key, versionId: VersionId } of await versions(s3, 'the-source')) {
    if (!underCustomersKey.has(VersionId)) continue;
    const head = await s3.send(new HeadObjectCommand({ Bucket: 'the-source', Key, VersionId, ...key }));
    expect(head.ReplicationStatus).toBe('FAILED');
  }
  const needles = [
    ['the customer’s key', Buffer.from(key.SSECustomerKey, 'base64')],
    ['it in base64', Buffer.from(key.SSECustomerKey)],
    ['its MD5', Buffer.from(key.SSECustomerKeyMD5, 'base64')],
    ['its MD5 in base64', Buffer.from(key.SSECustomerKeyMD5)],
    ['plaintext under it', Buffer.from(NOT_TO_BE_SEEN)],
    ['the name of an object under it', Buffer.from('customer-')],
  ] as const;
  await target.end('SIGTERM');
  const places: [string, Buffer][] = [['the wire', wire.seen()]];
  for (const database of ['meta', 'blob']) {
    for (const name of await readdir(join(target.dir, 'data', database))) {
      places.push([name, await readFile(join(target.dir, 'data', database, name))]);
    }
  }
  expect(places.length).toBeGreaterThan(5);
  expect(wire.seen().includes('key-1')).toBe(true);
  for (const [place, bytes] of places) {
    for (const [what, needle] of needles) expect(bytes.includes(needle), `${what} in ${place}`).toBe(false);
  }
});

async function multipart(s3: S3Client, acknowledged: Map<string, string>): Promise<void> {
  const where = { Bucket: 'the-source', Key: 'parts' };
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(where));
  const bodies = [randomBytes(5 * 1024 * 1024), randomBytes(7 * 1024 * 1024), randomBytes(1000)];
  const Parts = [];
  for (const [i, Body] of bodies.entries()) {
    const { ETag } = await s3.send(new UploadPartCommand({ ...where, UploadId, PartNumber: i + 1, Body }));
    Parts.push({ PartNumber: i + 1, ETag });
  }
  const ended = new CompleteMultipartUploadCommand({ ...where, UploadId, MultipartUpload: { Parts } });
  const { VersionId } = await s3.send(ended);
  acknowledged.set(VersionId!, createHash('sha256').update(Buffer.concat(bodies)).digest('hex'));
}

/** Of all keys, newest first; delete markers behind all versions. */
async function versions(s3: S3Client, Bucket: string) {
  const found: { key: string; versionId: string; marker: boolean; isLatest: boolean; time: string; etag?: string }[] =
    [];
  let markers: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } = {};
  for (;;) {
    const page = await s3.send(new ListObjectVersionsCommand({ Bucket, MaxKeys: 200, ...markers }));
    for (const [marker, all] of [
      [false, page.Versions ?? []],
      [true, page.DeleteMarkers ?? []],
    ] as const) {
      for (const one of all) {
        const etag = 'ETag' in one ? { etag: one.ETag as string } : {};
        const time = one.LastModified!.toISOString();
        found.push({ key: one.Key!, versionId: one.VersionId!, marker, isLatest: one.IsLatest!, time, ...etag });
      }
    }
    if (!page.IsTruncated) break;
    markers = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
  }
  // Where pages end differs between the buckets.
  return [...found.filter((one) => !one.marker), ...found.filter((one) => one.marker)];
}

/** Everything that goes to the target goes through here, and is kept. */
class Wire {
  readonly #chunks: Buffer[] = [];

  private constructor(private readonly server: Server) {}

  static async before(portOf: () => number): Promise<Wire> {
    const server = createServer();
    const wire = new Wire(server);
    server.on('connection', (client) => {
      const behind = connect(portOf(), '127.0.0.1');
      client.on('data', (chunk: Buffer) => wire.#chunks.push(Buffer.from(chunk)));
      client.pipe(behind).pipe(client);
      for (const [one, other] of [
        [client, behind],
        [behind, client],
      ] as const) {
        one.on('error', () => other.destroy());
        one.on('close', () => other.destroy());
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return wire;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  seen(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  close(): void {
    this.server.close();
  }
}
