import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterEach, expect, test } from 'vitest';
import { lacking, PostgresServer } from '../support/postgres.js';
import { startServer, type TestServer } from '../support/server.js';

const BUCKET = 'shared';
const WRITERS = 6;
const WAIT = { timeout: 300_000 };

let database: PostgresServer | undefined;
const servers: TestServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  await database?.stop();
});

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Writes until it is told to stop: what was acknowledged, by key. A client whose gateway is gone goes on at another one. */
function load(gateways: readonly { s3: S3Client; gone: boolean }[]) {
  const written = new Map<string, string>();
  let stopped = false;
  const writer = async (name: string): Promise<void> => {
    for (let n = 0; !stopped; n++) {
      const alive = gateways.filter(({ gone }) => !gone);
      const { s3 } = alive[Math.floor(Math.random() * alive.length)]!;
      const body = randomBytes(n % 3 === 0 ? 700_000 : 1000);
      const key = `${name}/${n}`;
      try {
        await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: body }));
        written.set(key, sha256(body));
      } catch {
        await sleep(50);
      }
    }
  };
  const writers = Array.from({ length: WRITERS }, (_, i) => writer(`w${i}`));
  const more = async (count: number): Promise<void> => {
    const until = written.size + count;
    await expect.poll(() => written.size, WAIT).toBeGreaterThan(until);
  };
  const stop = async (): Promise<ReadonlyMap<string, string>> => {
    stopped = true;
    await Promise.all(writers);
    return written;
  };
  return { more, stop };
}

async function expectAll(s3: S3Client, written: ReadonlyMap<string, string>): Promise<void> {
  for (const [key, digest] of written) {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
    expect(sha256(await Body!.transformToByteArray()), key).toBe(digest);
  }
}

const metric = async ({ url }: TestServer, pattern: RegExp): Promise<number> => {
  const text = await (await fetch(`${url}/-/metrics`)).text();
  return Number(pattern.exec(text)?.[1] ?? Number.NaN);
};

test.skipIf(lacking)(
  'a gateway and then the database are killed under load: nothing that was acknowledged is lost, and the jobs go on within a minute',
  async () => {
    database = await PostgresServer.start();
    const env = { COFFER_META: database.url(), COFFER_READER_GRACE_SECONDS: '5', COFFER_LOG_LEVEL: 'error' };
    const first = await startServer({ env });
    servers.push(first);
    const second = await startServer({ env, dir: first.dir });
    servers.push(second);
    const gateways = [first, second].map((server) => ({ s3: server.s3(), gone: false }));
    await gateways[0]!.s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
    await expect.poll(() => metric(first, /^coffer_lease_held\{job="sweeping"\} (\d)/m), WAIT).toBe(1);
    const { more, stop } = load(gateways);
    await more(30);
    await first.end('SIGKILL');
    gateways[0]!.gone = true;
    const killedMs = performance.now();
    await more(30);
    await expect.poll(() => metric(second, /^coffer_lease_held\{job="sweeping"\} (\d)/m), WAIT).toBe(1);
    expect(performance.now() - killedMs).toBeLessThan(60_000);
    await expect.poll(() => metric(second, /^coffer_gateways (\d)/m), WAIT).toBe(1);
    database.down('immediate');
    await sleep(1000);
    database.up();
    await more(30);
    await expectAll(gateways[1]!.s3, await stop());
    // What uploads of the first one left is found by its intents, once nothing of it can arrive any more.
    const intents = async (): Promise<number> => {
      const [row] = await database!.sql<{ count: number }>(
        String.raw`SELECT count(*)::int AS count FROM coffer.meta WHERE key >= '\x6e2f' AND key < '\x6e30'`,
      );
      return row!.count;
    };
    await expect.poll(intents, WAIT).toBe(0);
  },
);
