import { randomBytes } from 'node:crypto';
import { mkdtemp, open, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { startServer } from '../support/server.js';

async function files(dir: string): Promise<{ path: string; size: number }[]> {
  const names = await readdir(dir);
  return Promise.all(names.map(async (name) => ({ path: join(dir, name), size: (await stat(join(dir, name))).size })));
}

async function flip(path: string, at: number): Promise<void> {
  const file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  byte[0]! ^= 1;
  await file.write(byte, 0, 1, at);
  await file.close();
}

test('a flipped byte anywhere in the stored files stops the start or breaks the answer, and never gives wrong bytes', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'coffer-damage-'));
  try {
    const first = await startServer({ dir });
    await first.s3().send(new CreateBucketCommand({ Bucket: 'damage' }));
    const bodies = new Map([
      ['small', randomBytes(3000)],
      ['large', randomBytes(3_000_000)],
    ]);
    for (const [Key, Body] of bodies) await first.s3().send(new PutObjectCommand({ Bucket: 'damage', Key, Body }));
    expect(await first.end('SIGTERM')).toBe(0);
    let noticed = 0;
    let tried = 0;
    const wrong: string[] = [];
    for (const folder of ['meta', 'blob', 'segments']) {
      for (const { path, size } of await files(join(dir, 'data', folder))) {
        if (size < 200 || !/\.(ldb|log|seg)$/.test(path)) continue;
        for (const share of [0.1, 0.5, 0.9]) {
          const at = Math.floor(size * share);
          await flip(path, at);
          tried++;
          try {
            const server = await startServer({ dir });
            try {
              for (const [Key, expected] of bodies) {
                const answer = await server.s3().send(new GetObjectCommand({ Bucket: 'damage', Key }));
                const got = Buffer.from(await answer.Body!.transformToByteArray());
                if (!got.equals(expected)) wrong.push(`${path} at ${at}`);
              }
            } finally {
              await server.end('SIGKILL');
            }
          } catch {
            noticed++;
          }
          await rm(join(dir, 'data', 'damaged'), { force: true });
          await flip(path, at);
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(tried).toBeGreaterThanOrEqual(6);
    expect(noticed).toBeGreaterThanOrEqual(Math.ceil(tried / 2));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
