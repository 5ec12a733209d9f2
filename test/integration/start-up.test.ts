import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { coffer } from '../support/cli.js';
import { failedStart, serverEnvironment, startServer } from '../support/server.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'coffer-start-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function keyFile(): Promise<string> {
  const home = join(dir, 'config', 'coffer');
  const name = (await readdir(home)).find((one) => one.endsWith('.key'));
  return join(home, name!);
}

describe('a start', () => {
  test('finds all data of an earlier one that was ended by SIGTERM', async () => {
    const first = await startServer({ dir });
    await first.s3().send(new CreateBucketCommand({ Bucket: 'kept' }));
    await first
      .s3()
      .send(new PutObjectCommand({ Bucket: 'kept', Key: 'k', Body: 'still here', ServerSideEncryption: 'aws:kms' }));
    expect(await first.end('SIGTERM')).toBe(0);
    const second = await startServer({ dir });
    const answer = await second.s3().send(new GetObjectCommand({ Bucket: 'kept', Key: 'k' }));
    expect(await answer.Body!.transformToString()).toBe('still here');
    await second.end('SIGTERM');
  });

  test('makes key and credentials that only their owner can read, and prints where they lie but no secret', async () => {
    const server = await startServer({ dir, env: { COFFER_ACCESS_KEY_ID: '', COFFER_SECRET_ACCESS_KEY: '' } });
    const home = join(dir, 'config', 'coffer');
    for (const name of await readdir(home)) expect((await stat(join(home, name))).mode & 0o077).toBe(0);
    const credentials = (await readdir(home)).find((one) => one.endsWith('.credentials'))!;
    const secret = /aws_secret_access_key = (\S+)/.exec(await readFile(join(home, credentials), 'utf8'))![1]!;
    expect(server.output()).toContain(credentials);
    expect(server.output()).not.toContain(secret);
    await server.end('SIGTERM');
  });

  test.each([
    ['an unknown setting', { COFFER_PROT: '9000' }, /unknown setting COFFER_PROT; did you mean COFFER_PORT\?/],
    ['a setting of Kubernetes', { COFFER_SERVICE_HOST: '10.0.0.1' }, /enableServiceLinks/],
    ['a wrong value', { COFFER_PORT: 'ninety' }, /COFFER_PORT=ninety is not a whole number/],
    ['a wrong choice', { COFFER_SSE_C_OVER_HTTP: 'sometimes' }, /none of never, loopback, always/],
    [
      'a missing targets file',
      { COFFER_REPLICATION_TARGETS_FILE: '/none' },
      /COFFER_REPLICATION_TARGETS_FILE \/none can't be read \(ENOENT\)/,
    ],
    [
      'a missing accounts file',
      { COFFER_ACCESS_KEY_ID: '', COFFER_SECRET_ACCESS_KEY: '', COFFER_ACCOUNTS_FILE: '/none' },
      /can't be read \(ENOENT\)/,
    ],
    ['a missing certificate', { COFFER_TLS_CERT_FILE: '/none', COFFER_TLS_KEY_FILE: '/none' }, /TLS certificate/],
    [
      'a certificate that is none',
      { COFFER_TLS_CERT_FILE: '/etc/hostname', COFFER_TLS_KEY_FILE: '/etc/hostname', COFFER_LOG_LEVEL: 'silent' },
      /TLS certificate .* are not PEM/,
    ],
  ])('with %s ends with one line and status 1', async (_name, env, message) => {
    const { code, output } = await failedStart(dir, env as Record<string, string>);
    expect(output.trim().split('\n')).toHaveLength(1);
    expect(output).toMatch(message);
    expect(code).toBe(1);
  });

  const PATHS = {
    COFFER_DATA_DIR: {},
    XDG_CONFIG_HOME: {},
    COFFER_ROOT_KEY_FILE: {},
    COFFER_ROOT_KEY_PASSPHRASE_FILE: {},
    COFFER_SECRET_ACCESS_KEY_FILE: { COFFER_SECRET_ACCESS_KEY: '' },
    COFFER_ACCOUNTS_FILE: { COFFER_ACCESS_KEY_ID: '', COFFER_SECRET_ACCESS_KEY: '' },
    COFFER_REPLICATION_TARGETS_FILE: {},
    COFFER_TLS_CERT_FILE: { COFFER_TLS_KEY_FILE: '/none' },
    COFFER_TLS_KEY_FILE: { COFFER_TLS_CERT_FILE: '/etc/hostname', COFFER_LOG_LEVEL: 'silent' },
  };
  const MADE = ['COFFER_DATA_DIR', 'XDG_CONFIG_HOME', 'COFFER_ROOT_KEY_FILE'];

  test.each(Object.entries(PATHS))('tells in one line what is wrong with the path in %s', async (setting, env) => {
    const file = join(dir, 'file');
    await writeFile(file, 'no directory');
    const closed = join(dir, 'closed');
    await mkdir(join(closed, 'below'), { recursive: true });
    await writeFile(join(closed, 'file'), 'x');
    const taken = setting === 'COFFER_DATA_DIR' || setting === 'XDG_CONFIG_HOME' ? file : dir;
    // What is made must be where nothing can be, what is read where nothing is.
    const paths = [taken, join(file, 'below'), MADE.includes(setting) ? '/proc/none/below' : join(dir, 'none')];
    for (const path of paths) {
      const { code, output } = await failedStart(dir, { ...env, [setting]: path });
      expect(output, path).toMatch(/^coffer: .*\n$/);
      expect([code, [path, file, '/proc/none'].some((one) => output.includes(one))], output).toEqual([1, true]);
    }
    await chmod(closed, 0o000);
    const { status, output } = startWithoutPrivileges({ ...env, [setting]: join(closed, 'file') });
    await chmod(closed, 0o700);
    expect(output).toMatch(/^coffer: .*\n$/);
    expect([status, /EACCES|Permission denied/.test(output)], output).toEqual([1, true]);
  });

  /** Root may read anything: without these two of its capabilities it may not. */
  function startWithoutPrivileges(env: Record<string, string>): { status: number | null; output: string } {
    const drop = ['setpriv', '--bounding-set', '-dac_override,-dac_read_search'];
    const [file, ...args] = [...(process.getuid!() === 0 ? drop : []), process.execPath, 'dist/main.js'];
    const ran = spawnSync(file!, args, { env: serverEnvironment(dir, env), encoding: 'utf8' });
    return { status: ran.status, output: ran.stdout + ran.stderr };
  }

  test('warns of files with secrets that others may read', async () => {
    const file = join(dir, 'accounts.json');
    const accounts = [
      { accountId: '111111111111', accessKeys: [{ accessKeyId: 'AKIAX', secretAccessKey: 'the-secret' }] },
    ];
    await writeFile(file, JSON.stringify({ accounts }), { mode: 0o644 });
    const env = { COFFER_ACCESS_KEY_ID: '', COFFER_SECRET_ACCESS_KEY: '', COFFER_ACCOUNTS_FILE: file };
    const first = await startServer({ dir, env });
    expect(await first.end('SIGTERM')).toBe(0);
    expect(first.output()).toContain(`COFFER_ACCOUNTS_FILE ${file} holds secrets and is open to others: chmod 600 it`);
    expect(first.output()).not.toContain('the-secret');
    await chmod(file, 0o600);
    const second = await startServer({ dir, env });
    expect(await second.end('SIGTERM')).toBe(0);
    expect(second.output()).not.toContain('holds secrets');
  });

  test('refuses to make a store where one has been, unless asked to', async () => {
    const data = join(dir, 'data');
    const first = await startServer({ dir });
    expect(await first.end('SIGTERM')).toBe(0);
    await rename(data, `${data}.away`);
    for (const mounted of [false, true]) {
      // An empty mount point, with what file systems have of their own.
      if (mounted) await mkdir(join(data, 'lost+found'), { recursive: true });
      const { code, output } = await failedStart(dir, {});
      expect(output).toMatch(
        new RegExp(`^coffer: there is no store in ${data}, and .*\\.store says .* COFFER_NEW_STORE=1 .*\\n$`),
      );
      expect(code).toBe(1);
    }
    // Another data directory with its keys in the same home was never there.
    const other = await startServer({ dir, env: { COFFER_DATA_DIR: join(dir, 'other') } });
    expect(await other.end('SIGTERM')).toBe(0);
    const anew = await startServer({ dir, env: { COFFER_NEW_STORE: '1' } });
    expect(await anew.end('SIGTERM')).toBe(0);
  });

  test.each([
    ['a chosen root key file', { COFFER_ROOT_KEY_FILE: 'KEYS/root.key' }],
    ['a passphrase', { COFFER_ROOT_KEY_PASSPHRASE: 'correct horse' }],
  ])('of a lost store is refused with %s, too; a data directory that moved is none', async (_name, given) => {
    const place = (text: string) => text.replace('KEYS', join(dir, 'keys'));
    const env = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, place(value as string)]));
    const data = join(dir, 'data');
    const first = await startServer({ dir, env });
    expect(await first.end('SIGTERM')).toBe(0);
    await rename(data, `${data}.moved`);
    expect(await failedStart(dir, env)).toMatchObject({ code: 1, output: expect.stringContaining('COFFER_NEW_STORE') });
    const moved = await startServer({ dir, env: { ...env, COFFER_DATA_DIR: `${data}.moved` } });
    expect(await moved.end('SIGTERM')).toBe(0);
  });

  test('keeps what it makes beside a chosen root key file, and nothing else of it elsewhere', async () => {
    const keys = join(dir, 'keys');
    const env = {
      COFFER_ACCESS_KEY_ID: '',
      COFFER_SECRET_ACCESS_KEY: '',
      COFFER_ROOT_KEY_FILE: join(keys, 'root.key'),
      COFFER_TLS: 'self-signed',
    };
    const server = await startServer({ dir, env });
    expect(server.output()).toContain(join(keys, 'root.key.credentials'));
    const status = await coffer(dir, ['store', 'status', '--url', server.url], env);
    expect(status).toMatchObject({ status: 0, stdout: expect.stringContaining('a server, asked as') });
    expect(await server.end('SIGTERM')).toBe(0);
    const beside = ['root.key', 'root.key.audit', 'root.key.credentials', 'root.key.keystore', 'root.key.store'];
    expect((await readdir(keys)).sort()).toEqual([...beside, 'tls-self-signed.crt', 'tls-self-signed.key']);
    expect(await readdir(join(dir, 'config', 'coffer'))).toEqual([]);
    const credentials = await readFile(join(keys, 'root.key.credentials'), 'utf8');
    const rotated = join(dir, 'rotated', 'root.key');
    await mkdir(join(dir, 'rotated'));
    const unasked = await coffer(dir, ['root-key', 'rotate'], env);
    expect(unasked).toMatchObject({ status: 2, stderr: expect.stringContaining('say --yes') });
    expect(await coffer(dir, ['root-key', 'rotate', '--yes', '--to-file', rotated], env)).toMatchObject({ status: 0 });
    const after = await startServer({ dir, env: { ...env, COFFER_ROOT_KEY_FILE: rotated } });
    expect(await after.end('SIGTERM')).toBe(0);
    expect(await readFile(`${rotated}.credentials`, 'utf8')).toBe(credentials);
  });

  test('refuses a policy with elements it would not enforce', async () => {
    const file = join(dir, 'accounts.json');
    const Statement = [{ Effect: 'Allow', Action: '*', Resource: '*', Principal: '*' }];
    const accounts = [
      { accountId: '111111111111', users: [{ userName: 'alice', policies: [{ Version: '2012-10-17', Statement }] }] },
    ];
    await writeFile(file, JSON.stringify({ accounts }));
    const env = { COFFER_ACCESS_KEY_ID: '', COFFER_SECRET_ACCESS_KEY: '', COFFER_ACCOUNTS_FILE: file };
    const { code, output } = await failedStart(dir, env);
    expect(output).toMatch(/policy 1 of user alice of account 111111111111: .*Principal/);
    expect(code).toBe(1);
  });

  test('refuses a taken port, a data directory in use, a wrong, open or missing root key and a newer layout', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const port = String((taken.address() as { port: number }).port);
    const busy = await failedStart(dir, { COFFER_PORT: port });
    expect(busy).toMatchObject({ code: 1, output: expect.stringMatching(/in use by another process/) });
    taken.close();

    const server = await startServer({ dir });
    const second = await failedStart(dir, {});
    expect(second.code).toBe(1);
    expect(second.output.trim().split('\n')).toHaveLength(1);
    expect(await server.end('SIGTERM')).toBe(0);

    const file = await keyFile();
    const key = await readFile(file);
    await chmod(file, 0o644);
    expect(await failedStart(dir, {})).toMatchObject({ code: 1, output: expect.stringContaining(file) });
    await chmod(file, 0o600);
    await writeFile(file, `coffer-root-key-v1 ${Buffer.alloc(32, 7).toString('base64')}\n`);
    const wrong = await failedStart(dir, {});
    expect(wrong).toMatchObject({ code: 1, output: expect.stringMatching(/root key/) });
    await rm(file);
    expect(await failedStart(dir, {})).toMatchObject({ code: 1, output: expect.stringMatching(/root key|key/) });
    await writeFile(file, key, { mode: 0o600 });

    const format = join(dir, 'data', 'format');
    const text = await readFile(format, 'utf8');
    await writeFile(format, text.replace(/"version":\s*1/, '"version":3'));
    expect(await failedStart(dir, {})).toMatchObject({ code: 1, output: expect.stringMatching(/store version 3/) });
    await writeFile(format, text);
    const again = await startServer({ dir });
    expect(await again.end('SIGTERM')).toBe(0);
  });
});
