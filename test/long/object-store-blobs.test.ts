import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { CephCluster, cephMissing } from '../support/ceph.js';
import { PostgresServer, lacking as postgresLacking } from '../support/postgres.js';
import { ACCESS_KEY_ID, SECRET_ACCESS_KEY, startServer } from '../support/server.js';

const MiB = 1024 * 1024;
const missing = cephMissing();
if (missing) console.warn(`A gateway over Ceph is not tested: ${missing} is missing.`);

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const residentMiB = (pid: number) =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
const cpuSeconds = (pid: number) => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / Number(execFileSync('getconf', ['CLK_TCK']));
};

/** Large bodies through a whole gateway: the right bytes, ranges of them, bounded memory, and everything goes with its version. */
async function serveLarge(
  database: string,
  blobs: string,
  env: Record<string, string>,
  objects: () => Promise<number>,
) {
  const settings = { COFFER_META: database, COFFER_BLOBS: blobs, COFFER_READER_GRACE_SECONDS: '30', ...env };
  const gateway = await startServer({ env: settings });
  try {
    const s3 = gateway.s3({ requestChecksumCalculation: 'WHEN_REQUIRED' });
    await s3.send(new CreateBucketCommand({ Bucket: 'large' }));
    const get = async (Key: string, Range?: string) => {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'large', Key, Range }));
      return Body!.transformToByteArray();
    };
    const body = randomBytes(64 * MiB);
    const before = { rss: residentMiB(gateway.pid), cpu: cpuSeconds(gateway.pid) };
    let since = performance.now();
    const rate = (count: number) => {
      const seconds = (performance.now() - since) / 1000;
      const cpu = cpuSeconds(gateway.pid) - before.cpu;
      since = performance.now();
      before.cpu += cpu;
      return `${Math.round((count * 64) / seconds)} MiB/s, ${(cpu / ((count * 64) / 1024)).toFixed(1)} CPU s/GiB`;
    };
    const puts = [0, 1, 2, 3].map((i) => s3.send(new PutObjectCommand({ Bucket: 'large', Key: `o${i}`, Body: body })));
    await Promise.all(puts);
    const inRate = rate(4);
    const found = await Promise.all([0, 1, 2, 3].map((i) => get(`o${i}`)));
    const outRate = rate(4);
    for (const bytes of found) expect(sha256(bytes)).toBe(sha256(body));
    const grown = residentMiB(gateway.pid) - before.rss;
    console.log(`${blobs.split(':')[0]}: in ${inRate}; out ${outRate}; memory grew by ${Math.round(grown)} MiB`);
    expect(grown).toBeLessThan(400);
    for (const [start, end] of [
      [0, 1],
      [5 * MiB - 3, 9 * MiB + 7],
      [64 * MiB - 10, 64 * MiB],
    ] as const) {
      const part = await get('o0', `bytes=${start}-${end - 1}`);
      expect(sha256(part)).toBe(sha256(body.subarray(start, end)));
    }
    await s3.send(new PutObjectCommand({ Bucket: 'large', Key: 'small', Body: body.subarray(0, 100_000) }));
    expect(sha256(await get('small'))).toBe(sha256(body.subarray(0, 100_000)));
    expect(await objects()).toBeGreaterThan(4 * 16);
    for (const Key of ['o0', 'o1', 'o2', 'o3', 'small']) {
      await s3.send(new DeleteObjectCommand({ Bucket: 'large', Key }));
    }
    // The marker stays.
    await expect.poll(objects, { timeout: 300_000, interval: 500 }).toBe(1);
  } finally {
    await gateway.close();
  }
}

async function count(s3: S3Client): Promise<number> {
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: 'blobs' }));
  return Contents.length;
}

describe.skipIf(postgresLacking)('a gateway whose rows are in PostgreSQL', () => {
  test('with its blobs in a bucket of another S3 server', async () => {
    const [postgres, other] = [await PostgresServer.start(), await startServer()];
    try {
      await other.s3().send(new CreateBucketCommand({ Bucket: 'blobs' }));
      const file = join(other.dir, 'credentials');
      const keys = `aws_access_key_id = ${ACCESS_KEY_ID}\naws_secret_access_key = ${SECRET_ACCESS_KEY}\n`;
      await writeFile(file, `[default]\n${keys}`);
      const url = `s3://blobs?endpoint=${other.url}&credentials=${file}`;
      await serveLarge(postgres.url(), url, {}, () => count(other.s3()));
    } finally {
      await other.close();
      await postgres.stop();
    }
  });

  test.skipIf(missing)('with its blobs in a Ceph pool', async () => {
    const [postgres, ceph] = [await PostgresServer.start(), await CephCluster.start()];
    try {
      const objects = async () => {
        const names = await ceph.rados('ls');
        return names.split('\n').filter((name) => name !== '').length;
      };
      await serveLarge(postgres.url(), ceph.url(), {}, objects);
    } finally {
      await ceph.close();
      await postgres.stop();
    }
  });
});
