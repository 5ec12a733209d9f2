import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { CreateKeyCommand, DisableKeyCommand } from '@aws-sdk/client-kms';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { describe, expect, it } from 'vitest';
import { coffer, startCli } from '../support/cli.js';
import { customerKey } from '../support/customer-key.js';
import { freshSchema, lacking, sharedPostgres } from '../support/postgres.js';
import { failedStart, startServer } from '../support/server.js';

const Bucket = 'moved';
const MiB = 1024 * 1024;
const sseC = customerKey();

/** Of every mode and size; two versions of one. */
const OBJECTS = [
  { Key: 'small', size: 100 },
  { Key: 'large', size: 5 * MiB },
  { Key: 'under a key', size: 3 * MiB, ServerSideEncryption: 'aws:kms' as const },
  { Key: 'customer', size: 700_000, ...sseC },
  { Key: 'small', size: 9000 },
  ...Array.from({ length: 60 }, (_, i) => ({ Key: `many/${i}`, size: 10_000 + i * 5000 })),
];

async function fill(s3: S3Client): Promise<Buffer[]> {
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  const bodies: Buffer[] = [];
  for (const { size, ...object } of OBJECTS) {
    bodies.push(randomBytes(size));
    await s3.send(new PutObjectCommand({ Bucket, Body: bodies.at(-1), ...object }));
  }
  return bodies;
}

async function read(s3: S3Client, Key: string, more = {}): Promise<Buffer> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key, ...more }));
  return Buffer.from(await Body!.transformToByteArray());
}

describe.skipIf(lacking !== undefined)(`store copy to PostgreSQL${lacking ? ` (${lacking})` : ''}`, () => {
  it('killed on its way it goes on, and what it made serves everything, under the same keys', async () => {
    const postgres = await sharedPostgres();
    const env = { COFFER_META: postgres.url(freshSchema()) };
    const server = await startServer();
    const { dir } = server;
    const from = join(dir, 'data');
    const bodies = await fill(server.s3());
    const multipart = randomBytes(11 * MiB);
    await new Upload({
      client: server.s3(),
      params: { Bucket, Key: 'parts', Body: multipart, ServerSideEncryption: 'aws:kms' },
      partSize: 5 * MiB,
    }).done();
    const { KeyMetadata } = await server.kms().send(new CreateKeyCommand({}));

    const running = await coffer(dir, ['store', 'copy', '--from', from], env);
    expect(running).toMatchObject({ status: 1, stderr: expect.stringContaining('is in use by another process') });
    await server.end('SIGTERM');

    const cut = startCli(dir, ['store', 'copy', '--from', from], env);
    await new Promise<void>((resolve) => cut.child.stderr!.on('data', (text) => /[1-9]0 %/.test(text) && resolve()));
    cut.child.kill('SIGKILL');
    await cut.ran;
    const early = await failedStart(dir, env);
    expect(early).toMatchObject({ code: 1, output: expect.stringContaining('run `coffer store copy` again') });

    const copied = await coffer(dir, ['store', 'copy', '--from', from], env);
    expect(copied.stderr).toContain('comparing rows: 100 %');
    expect(copied).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^copied {2}\d+ rows, \d+ runs of bodies, 0 faults\n$/),
    });
    const again = await coffer(dir, ['store', 'copy', '--from', from], env);
    expect(again).toMatchObject({ status: 1, stderr: expect.stringContaining('the target is no empty store') });

    const moved = await startServer({ dir, env });
    try {
      const s3 = moved.s3();
      const { Versions = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket }));
      expect(Versions).toHaveLength(OBJECTS.length + 1);
      for (const [i, { Key, size, ...object }] of OBJECTS.entries()) {
        if (i === 0) continue;
        const isCustomer = 'SSECustomerKey' in object;
        expect((await read(s3, Key, isCustomer ? sseC : {})).equals(bodies[i]!), Key).toBe(true);
      }
      const first = Versions.find(({ Key, IsLatest }) => Key === 'small' && !IsLatest)!;
      expect((await read(s3, 'small', { VersionId: first.VersionId })).equals(bodies[0]!)).toBe(true);
      expect((await read(s3, 'parts')).equals(multipart)).toBe(true);
      await moved.kms().send(new DisableKeyCommand({ KeyId: KeyMetadata!.KeyId }));
      await s3.send(new PutObjectCommand({ Bucket, Key: 'new', Body: 'after the move' }));
      expect((await read(s3, 'new')).toString()).toBe('after the move');
    } finally {
      await moved.close();
    }
  });

  it('says what it lacks: a target, a source, a server’s address it takes none of', async () => {
    const server = await startServer();
    const { dir } = server;
    await server.end('SIGTERM');
    const from = join(dir, 'data');
    expect(await coffer(dir, ['store', 'copy', '--from', from])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('COFFER_META names no database'),
    });
    expect(await coffer(dir, ['store', 'copy', '--from', join(dir, 'none')])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('there is no store in'),
    });
    expect(await coffer(dir, ['store', 'copy'])).toMatchObject({ status: 2 });
    expect(await coffer(dir, ['store', 'copy', '--from', from, '--url', 'http://127.0.0.1:1'])).toMatchObject({
      status: 2,
    });
    await server.close();
  });
});
