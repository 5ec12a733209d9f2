import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACCESS_KEY_ID, SECRET_ACCESS_KEY, startServer, type TestServer } from '../support/server.js';

const run = promisify(execFile);
let server: TestServer;
let dir: string;

beforeAll(async () => {
  server = await startServer();
  dir = await mkdtemp(join(tmpdir(), 'coffer-cli-'));
  // Version 1 of aws-cli presigns by Signature V2 in us-east-1 unless it is told otherwise; everything else is its default.
  await mkdir(join(dir, '.aws'));
  await writeFile(join(dir, '.aws', 'config'), '[default]\ns3 =\n  signature_version = s3v4\n');
});
afterAll(async () => {
  await server?.close();
  await rm(dir, { recursive: true, force: true });
});

async function aws(...args: string[]): Promise<string> {
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: dir,
    AWS_ACCESS_KEY_ID: ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY: SECRET_ACCESS_KEY,
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  const { stdout } = await run('aws', ['--endpoint-url', server.url, ...args], {
    env,
    maxBuffer: 64 * 1024 * 1024,
    cwd: dir,
  });
  return stdout;
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('an unmodified aws-cli', () => {
  const key = randomBytes(32);
  const modes: [string, string[], string[]][] = [
    ['sse-s3', ['--sse', 'AES256'], []],
    ['sse-kms', ['--sse', 'aws:kms'], []],
    [
      'sse-c',
      ['--sse-c', 'AES256', '--sse-c-key', 'fileb://customer.key'],
      ['--sse-c', 'AES256', '--sse-c-key', 'fileb://customer.key'],
    ],
  ];

  test.each(modes)('stores a folder and a large file under %s and gets every byte back', async (name, write, read) => {
    await writeFile(join(dir, 'customer.key'), key);
    const folder = join(dir, `folder-${name}`);
    await mkdir(join(folder, 'deep', 'ü ber'), { recursive: true });
    const files: [string, Buffer][] = [
      ['empty', Buffer.alloc(0)],
      ['small.txt', Buffer.from('small')],
      ['with space+plus%.bin', randomBytes(100_000)],
      [join('deep', 'ü ber', '😀.bin'), randomBytes(9_000)],
    ];
    for (const [path, bytes] of files) await writeFile(join(folder, path), bytes);
    const large = randomBytes(96 * 1024 * 1024 + 321);
    await writeFile(join(dir, 'large.bin'), large);
    const bucket = `s3://cli-${name}`;
    await aws('s3', 'mb', bucket);
    await aws('s3', 'sync', folder, `${bucket}/folder`, ...write);
    await aws('s3', 'cp', 'large.bin', `${bucket}/large.bin`, ...write);
    const listed = await aws('s3', 'ls', '--recursive', bucket);
    expect(listed.trim().split('\n')).toHaveLength(files.length + 1);
    await aws('s3', 'cp', '--recursive', `${bucket}/folder`, join(dir, `back-${name}`), ...read);
    for (const [path, bytes] of files)
      expect((await readFile(join(dir, `back-${name}`, path))).equals(bytes)).toBe(true);
    await aws('s3', 'cp', `${bucket}/large.bin`, 'large.back', ...read);
    expect(sha256(await readFile(join(dir, 'large.back')))).toBe(sha256(large));
    if (read.length === 0) {
      await aws('s3', 'cp', `${bucket}/large.bin`, `${bucket}/large.copy`, ...write);
      await aws('s3', 'cp', `${bucket}/large.copy`, 'large.back');
      expect(sha256(await readFile(join(dir, 'large.back')))).toBe(sha256(large));
    } else {
      await expect(aws('s3', 'cp', `${bucket}/large.bin`, 'refused')).rejects.toThrow(/400/);
    }
    await aws('s3', 'rm', '--recursive', bucket);
    await aws('s3', 'rb', bucket);
  });

  test('presigns URLs that curl opens', async () => {
    await aws('s3', 'mb', 's3://cli-presign');
    await writeFile(join(dir, 'p.txt'), 'by url');
    await aws('s3', 'cp', 'p.txt', 's3://cli-presign/p.txt');
    const url = (await aws('s3', 'presign', 's3://cli-presign/p.txt')).trim();
    expect((await run('curl', ['-sS', url])).stdout).toBe('by url');
  });

  test('manages keys, aliases and rotation, and encrypts', async () => {
    const { KeyMetadata } = JSON.parse(await aws('kms', 'create-key', '--description', 'cli'));
    await aws('kms', 'create-alias', '--alias-name', 'alias/cli', '--target-key-id', KeyMetadata.KeyId);
    await writeFile(join(dir, 'plain'), 'secret');
    const blob = JSON.parse(
      await aws('kms', 'encrypt', '--key-id', 'alias/cli', '--plaintext', 'fileb://plain'),
    ).CiphertextBlob;
    await writeFile(join(dir, 'blob'), Buffer.from(blob, 'base64'));
    await aws('kms', 'rotate-key-on-demand', '--key-id', KeyMetadata.KeyId);
    const opened = JSON.parse(await aws('kms', 'decrypt', '--ciphertext-blob', 'fileb://blob'));
    expect(Buffer.from(opened.Plaintext, 'base64').toString()).toBe('secret');
    const rotations = JSON.parse(await aws('kms', 'list-key-rotations', '--key-id', KeyMetadata.KeyId));
    expect(rotations.Rotations).toHaveLength(1);
    const scheduled = JSON.parse(
      await aws('kms', 'schedule-key-deletion', '--key-id', KeyMetadata.KeyId, '--pending-window-in-days', '7'),
    );
    expect(scheduled.KeyState).toBe('PendingDeletion');
    await expect(aws('kms', 'decrypt', '--ciphertext-blob', 'fileb://blob')).rejects.toThrow(
      /KMSInvalidStateException/,
    );
    await aws('kms', 'cancel-key-deletion', '--key-id', KeyMetadata.KeyId);
    await aws('kms', 'enable-key', '--key-id', KeyMetadata.KeyId);
    await aws('kms', 'decrypt', '--ciphertext-blob', 'fileb://blob');
    expect(JSON.parse(await aws('sts', 'get-caller-identity')).Account).toBe('000000000000');
  });

  test('versions objects with s3api', async () => {
    await aws('s3api', 'create-bucket', '--bucket', 'cli-versions');
    await aws(
      's3api',
      'put-bucket-versioning',
      '--bucket',
      'cli-versions',
      '--versioning-configuration',
      'Status=Enabled',
    );
    for (const text of ['one', 'two']) {
      await writeFile(join(dir, 'v'), text);
      await aws('s3api', 'put-object', '--bucket', 'cli-versions', '--key', 'k', '--body', 'v');
    }
    const { Versions } = JSON.parse(await aws('s3api', 'list-object-versions', '--bucket', 'cli-versions'));
    expect(Versions).toHaveLength(2);
    await aws(
      's3api',
      'get-object',
      '--bucket',
      'cli-versions',
      '--key',
      'k',
      '--version-id',
      Versions[1].VersionId,
      'v.back',
    );
    expect((await readFile(join(dir, 'v.back'))).toString()).toBe('one');
  });
});

test('boto3 with default settings puts, gets and lists', async () => {
  const script = `
import boto3, os
s3 = boto3.client('s3', endpoint_url='${server.url}', region_name='us-east-1')
s3.create_bucket(Bucket='boto')
data = os.urandom(20 * 1024 * 1024)
s3.put_object(Bucket='boto', Key='small', Body=b'x' * 100)
open('boto.bin', 'wb').write(data)
s3.upload_file('boto.bin', 'boto', 'large')
assert s3.get_object(Bucket='boto', Key='large')['Body'].read() == data
assert [o['Key'] for o in s3.list_objects_v2(Bucket='boto')['Contents']] == ['large', 'small']
print('ok')
`;
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: dir,
    AWS_ACCESS_KEY_ID: ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY: SECRET_ACCESS_KEY,
  };
  expect((await run('python3', ['-c', script], { env, cwd: dir })).stdout.trim()).toBe('ok');
});
