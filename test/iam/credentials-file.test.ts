import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/base/config-error.js';
import { generateCredentials, loadOrCreateCredentials } from '../../src/iam/credentials-file.js';

describe('the credentials file', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'coffer-credentials-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it('is made at first start, for its owner only, and nothing is left beside it', async () => {
    const path = join(dir, 'coffer', 'x.credentials');
    const { accessKeyId, secretAccessKey, created } = await loadOrCreateCredentials(path);
    expect(created).toBe(true);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(dir, 'coffer'))).mode & 0o777).toBe(0o700);
    expect(await readdir(join(dir, 'coffer'))).toEqual(['x.credentials']);
    const secret = secretAccessKey.expose().toString();
    expect(await readFile(path, 'utf8')).toBe(
      `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secret}\n`,
    );
  });

  it('is read at the next', async () => {
    const path = join(dir, 'x.credentials');
    const first = await loadOrCreateCredentials(path);
    const again = await loadOrCreateCredentials(path);
    expect(again.created).toBe(false);
    expect(again.accessKeyId).toBe(first.accessKeyId);
    expect(again.secretAccessKey.expose()).toEqual(first.secretAccessKey.expose());
  });

  it('is one for all who start at once', async () => {
    const path = join(dir, 'x.credentials');
    const all = await Promise.all(Array.from({ length: 8 }, () => loadOrCreateCredentials(path)));
    expect(new Set(all.map(({ accessKeyId }) => accessKeyId)).size).toBe(1);
    expect(all.filter(({ created }) => created)).toHaveLength(1);
    expect(await readdir(dir)).toEqual(['x.credentials']);
  });

  it('may be written by hand', async () => {
    const path = join(dir, 'x.credentials');
    await writeFile(path, '[default]\r\naws_access_key_id=KEY\r\naws_secret_access_key=a/b+c=\r\n', { mode: 0o600 });
    const { accessKeyId, secretAccessKey } = await loadOrCreateCredentials(path);
    expect([accessKeyId, secretAccessKey.expose().toString()]).toEqual(['KEY', 'a/b+c=']);
  });

  it('that others may read, or that has no key, is refused and left alone', async () => {
    const path = join(dir, 'x.credentials');
    await loadOrCreateCredentials(path);
    await chmod(path, 0o640);
    await expect(loadOrCreateCredentials(path)).rejects.toThrow(
      new ConfigError(`credentials file ${path} is open to others: chmod 600 it`),
    );
    await writeFile(path, '');
    await chmod(path, 0o600);
    await expect(loadOrCreateCredentials(path)).rejects.toThrow(
      new ConfigError(`credentials file ${path} has no access key`),
    );
    expect(await readFile(path, 'utf8')).toBe('');
  });

  it('that can not be made is one clear line', async () => {
    await writeFile(join(dir, 'file'), '');
    await expect(loadOrCreateCredentials(join(dir, 'file', 'x.credentials'))).rejects.toThrow(ConfigError);
  });
});

it('generated credentials have the form of AWS, and never come twice', () => {
  const all = Array.from({ length: 100 }, generateCredentials);
  for (const { accessKeyId, secretAccessKey } of all) {
    expect(accessKeyId).toMatch(/^AKIA[A-Z2-7]{16}$/);
    expect(secretAccessKey.expose().toString()).toMatch(/^[A-Za-z0-9+/]{40}$/);
  }
  expect(new Set(all.map(({ accessKeyId }) => accessKeyId)).size).toBe(100);
});
