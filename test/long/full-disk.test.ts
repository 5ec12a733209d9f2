import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { mkdir, mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, type TestServer } from '../support/server.js';

const MiB = 1024 * 1024;
const Bucket = 'full';

let dir: string;
let disk: string;
const mounted = mount();

/** A small file system of its own; needs root. */
function mount(): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    const at = execFileSync('mktemp', ['-d', join(tmpdir(), 'coffer-disk-XXXXXX')])
      .toString()
      .trim();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=400m', 'tmpfs', at], { stdio: 'ignore' });
    disk = at;
    return true;
  } catch {
    return false;
  }
}

const freeBytes = async (): Promise<number> => {
  const { bavail, bsize } = await statfs(disk);
  return bavail * bsize;
};

/** What somebody else writes until nothing more fits. */
function fillUp(): void {
  const file = openSync(join(disk, 'other'), 'a');
  const piece = Buffer.alloc(64 * 1024, 1);
  try {
    for (;;) if (writeSync(file, piece) < piece.length) break;
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
  } finally {
    closeSync(file);
  }
}

describe.skipIf(!mounted)('a disk that somebody else fills', () => {
  let server: TestServer;
  const env = () => ({
    COFFER_DATA_DIR: join(disk, 'data'),
    COFFER_MIN_FREE_MIB: '16',
    COFFER_DISK_RESERVE_MIB: '110',
  });

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'coffer-full-'));
    await mkdir(join(disk, 'data'));
    server = await startServer({ dir, env: env() });
    await server.s3().send(new CreateBucketCommand({ Bucket }));
  });
  afterAll(async () => {
    await server.close();
    await rm(dir, { recursive: true, force: true });
    execFileSync('umount', [disk]);
  });

  const digests = new Map<string, string>();
  const put = async (s3: S3Client, Key: string, Body: Buffer) => {
    await s3.send(new PutObjectCommand({ Bucket, Key, Body }));
    digests.set(Key, createHash('sha256').update(Body).digest('hex'));
  };
  const requireAllReadable = async (s3: S3Client) => {
    for (const [Key, digest] of digests) {
      const body = await (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body!.transformToByteArray();
      expect(createHash('sha256').update(body).digest('hex'), Key).toBe(digest);
    }
  };

  test('nothing acknowledged is lost, reads and deletes go on, a restart too, and deletes give space back', async () => {
    const s3 = server.s3();
    for (let i = 0; i < 25; i++) await put(s3, `small${i}`, randomBytes(3000));
    for (let i = 0; i < 15; i++) await put(s3, `large${i}`, randomBytes(4 * MiB));
    fillUp();
    // The last measurement saw room: some may still be taken, others meet the full disk.
    let refused = 0;
    for (let i = 0; i < 30; i++) {
      try {
        await put(s3, `late${i}`, randomBytes(i % 2 ? 3000 : 2 * MiB));
      } catch (error) {
        expect([500, 503]).toContain((error as { $metadata: { httpStatusCode: number } }).$metadata.httpStatusCode);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(0);
    await expect
      .poll(async () => (await fetch(`${server.url}/-/ready`)).text(), { timeout: 20_000 })
      .toContain('read-only');
    await requireAllReadable(s3);

    await server.end('SIGKILL');
    server = await startServer({ dir, env: env() });
    const again = server.s3();
    await requireAllReadable(again);

    const before = await freeBytes();
    const listed = await again.send(new ListObjectsV2Command({ Bucket }));
    const Objects = listed.Contents!.map(({ Key }) => ({ Key }));
    expect((await again.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }))).Errors).toBeUndefined();
    await expect.poll(async () => (await freeBytes()) - before, { timeout: 60_000 }).toBeGreaterThan(50 * MiB);

    await rm(join(disk, 'other'));
    digests.clear();
    const writes = () =>
      put(again, 'after', randomBytes(MiB)).then(
        () => true,
        () => false,
      );
    await expect.poll(writes, { timeout: 20_000 }).toBe(true);
    await requireAllReadable(again);
  });
});
