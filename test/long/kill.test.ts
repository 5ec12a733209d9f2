import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  NoSuchKey,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { openStore } from '../../src/store/leveldb/open.js';
import { startServer } from '../support/server.js';

const LANES = 6;
const MIN = 5 * 1024 * 1024;
const Bucket = 'kill';
const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** What a key may hold after a crash: what was acknowledged, or what was under way. `undefined`: absent. */
type Expected = Map<string, Set<string | undefined>>;

async function lane(s3: S3Client, number: number, expected: Expected, stop: () => boolean): Promise<void> {
  const key = () => `lane-${number}/${Math.floor(Math.random() * 8)}`;
  const attempt = async (Key: string, outcome: string | undefined, run: () => Promise<unknown>): Promise<void> => {
    const before = expected.get(Key) ?? new Set([undefined]);
    expected.set(Key, new Set([...before, outcome]));
    await run();
    expected.set(Key, new Set([outcome]));
  };
  while (!stop()) {
    const dice = Math.random();
    const Key = key();
    if (dice < 0.55) {
      const Body = randomBytes(
        dice < 0.3 ? 1 + Math.floor(Math.random() * 9000) : 200_000 + Math.floor(Math.random() * 6_000_000),
      );
      await attempt(Key, digest(Body), () => s3.send(new PutObjectCommand({ Bucket, Key, Body })));
    } else if (dice < 0.7) {
      await attempt(Key, undefined, () => s3.send(new DeleteObjectCommand({ Bucket, Key })));
    } else if (dice < 0.85) {
      const from = key();
      const held = expected.get(from);
      const [content] = held ?? [];
      if (held?.size !== 1 || content === undefined || from === Key) continue;
      await attempt(Key, content, () =>
        s3.send(new CopyObjectCommand({ Bucket, Key, CopySource: `${Bucket}/${from}` })),
      );
    } else {
      const parts = [randomBytes(MIN), randomBytes(1000)];
      const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
      const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
      for (const [i, Body] of parts.entries()) {
        const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: i + 1, Body }));
        Parts.push({ PartNumber: i + 1, ETag });
      }
      await attempt(Key, digest(Buffer.concat(parts)), () =>
        s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } })),
      );
    }
  }
}

async function check(s3: S3Client, expected: Expected): Promise<void> {
  for (const [Key, allowed] of expected) {
    let found: string | undefined;
    try {
      const answer = await s3.send(new GetObjectCommand({ Bucket, Key }));
      found = digest(Buffer.from(await answer.Body!.transformToByteArray()));
    } catch (error) {
      if (!(error instanceof NoSuchKey)) throw error;
    }
    expect([...allowed], Key).toContain(found);
    expected.set(Key, new Set([found]));
  }
}

test.each([
  [20, 'value-log'],
  [8, 'leveldb'],
])(
  'killed %i times under load (%s), every acknowledged object is whole, the others whole or absent, and no blob is orphaned',
  async (rounds, blobs) => {
    const dir = await mkdtemp(join(tmpdir(), 'coffer-kill-'));
    const expected: Expected = new Map();
    try {
      for (let round = 0; round <= rounds; round++) {
        const server = await startServer({ dir, env: { COFFER_LOG_LEVEL: 'error', COFFER_BLOBS: blobs } });
        const s3 = server.s3();
        if (round === 0) await s3.send(new CreateBucketCommand({ Bucket }));
        await check(s3, expected);
        if (round === rounds) {
          // Nothing but what listings show may be left: end what is open, delete everything, let the sweeper finish.
          const uploads = await s3.send(new ListMultipartUploadsCommand({ Bucket }));
          for (const { Key, UploadId } of uploads.Uploads ?? [])
            await s3.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
          for (const { Key } of (await s3.send(new ListObjectsV2Command({ Bucket }))).Contents ?? []) {
            await s3.send(new DeleteObjectCommand({ Bucket, Key }));
          }
          expect(await server.end('SIGTERM')).toBe(0);
          const last = await startServer({ dir, env: { COFFER_LOG_LEVEL: 'error', COFFER_BLOBS: blobs } });
          await new Promise((resolve) => setTimeout(resolve, 3000));
          expect(await last.end('SIGTERM')).toBe(0);
          break;
        }
        let stopped = false;
        const lanes = Array.from({ length: LANES }, (_, i) =>
          // The server dies under it: how each lane ends is of no interest, only what it was told before.
          lane(s3, i, expected, () => stopped).catch(() => {}),
        );
        await new Promise((resolve) => setTimeout(resolve, 700 + Math.random() * 900));
        await server.end('SIGKILL');
        stopped = true;
        await Promise.all(lanes);
      }
      const store = await openStore(join(dir, 'data'));
      const { liveBytes } = store.blobs.layout!();
      let runs = 0;
      for await (const _ of store.blobs.list()) runs++;
      const bodies = await store.meta.range({
        gte: Buffer.from('i/'),
        lt: Buffer.from('i0'),
        limit: 10,
        keysOnly: true,
      });
      const pages = await store.meta.range({
        gte: Buffer.from('m/'),
        lt: Buffer.from('m0'),
        limit: 10,
        keysOnly: true,
      });
      const intents = await store.meta.range({
        gte: Buffer.from('n/'),
        lt: Buffer.from('n0'),
        limit: 10,
        keysOnly: true,
      });
      await store.close();
      expect({ runs, liveBytes, bodies: bodies.length, pages: pages.length, intents: intents.length }).toEqual({
        runs: 0,
        liveBytes: 0,
        bodies: 0,
        pages: 0,
        intents: 0,
      });
      expect(expected.size).toBeGreaterThan(LANES * 4);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  },
);
