import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../../src/base/secret.js';
import { loadOrCreateRootKey } from '../../src/seal/root-key.js';

const refusal = (part: string) =>
  expect.objectContaining({ name: 'RootKeyError', message: expect.stringContaining(part) });

describe('root key', () => {
  let directory: string;
  let file: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coffer-root-key-'));
    file = join(directory, 'config', 'coffer', 'store.key');
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('is made once, with mode 0600 and nothing left beside it, and loaded from then on', async () => {
    const made = await loadOrCreateRootKey({ file });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(file, 'latin1')).toMatch(
      /^coffer-root-key-v1 [A-Za-z0-9+/]{43}=\ncoffer-destruction-secret-v1 [A-Za-z0-9+/]{43}=\n$/,
    );
    expect(await readdir(join(directory, 'config', 'coffer'))).toEqual(['store.key']);
    const loaded = await loadOrCreateRootKey({ file, create: false });
    expect(loaded.derive('x').expose()).toEqual(made.derive('x').expose());
    expect(loaded.id).toEqual(made.id);
  });

  it('made by two at once is one key', async () => {
    const keys = await Promise.all(Array.from({ length: 5 }, () => loadOrCreateRootKey({ file })));
    expect(new Set(keys.map(({ id }) => id.toString('hex'))).size).toBe(1);
  });

  it('derives another key for every info', async () => {
    const rootKey = await loadOrCreateRootKey({ file });
    expect(rootKey.derive('a').expose()).not.toEqual(rootKey.derive('b').expose());
    expect(rootKey.derive('a', 4).length).toBe(4);
  });

  it('is not made where data exists', async () => {
    await expect(loadOrCreateRootKey({ file, create: false })).rejects.toThrow(refusal('is missing'));
  });

  it('is refused when others may read the file', async () => {
    await loadOrCreateRootKey({ file });
    for (const mode of [0o640, 0o604, 0o644]) {
      await chmod(file, mode);
      await expect(loadOrCreateRootKey({ file })).rejects.toThrow(refusal('chmod 600'));
    }
  });

  it('is refused in any other format', async () => {
    await loadOrCreateRootKey({ file });
    const whole = await readFile(file, 'latin1');
    const [key, destruction] = whole.split('\n') as [string, string];
    const line = `${key}\n`;
    const wrong = [
      '',
      'hello',
      line.replace('v1', 'v2'),
      line.replace('=', ''),
      line + line,
      line.slice(4),
      line.trim().slice(0, -2),
    ];
    // 43 characters carry 258 bits: the last two must be zero.
    wrong.push(line.replace(/.=\n$/, (end) => `${String.fromCharCode(end.charCodeAt(0) + 1)}=\n`));
    const both = `${line}${destruction}\n`;
    wrong.push(`${destruction}\n${line}`, `${both}${line}`, `${line}\n${destruction}\n`, `${both}\n`, `${line}\n`);
    wrong.push(
      both.replace('\n', '\r\n'),
      `${both}${destruction}\n${destruction}\n`,
      `${line}${destruction.slice(0, -1)}\n`,
    );
    wrong.push(both.replace('secret-v1', 'secret-v2'), `${line}coffer-destruction-secret-v1 none\n`, `${both}none\n`);
    expect(wrong).toHaveLength(19);
    for (const text of wrong) {
      await writeFile(file, text);
      await expect(loadOrCreateRootKey({ file }), JSON.stringify(text)).rejects.toThrow(
        refusal('not a file of the format'),
      );
    }
  });

  it('that is a directory, or lies where nothing can be made, is one clear line', async () => {
    await expect(loadOrCreateRootKey({ file: directory })).rejects.toThrow(refusal("can't be read: EISDIR"));
    await writeFile(join(directory, 'plain'), '');
    await expect(loadOrCreateRootKey({ file: join(directory, 'plain', 'x.key') })).rejects.toThrow(refusal('ENOTDIR'));
  });

  it('from a passphrase is the same with the same salt file and another with another', async () => {
    const passphrase = () => new Secret(Buffer.from('correct horse'));
    const saltFile = join(directory, 'salt');
    const first = await loadOrCreateRootKey({ passphrase: passphrase(), saltFile });
    const again = await loadOrCreateRootKey({ passphrase: passphrase(), saltFile, create: false });
    const other = await loadOrCreateRootKey({ passphrase: new Secret(Buffer.from('other')), saltFile });
    const salted = await loadOrCreateRootKey({ passphrase: passphrase(), saltFile: join(directory, 'salt2') });
    expect(again.id).toEqual(first.id);
    expect(other.id).not.toEqual(first.id);
    expect(salted.id).not.toEqual(first.id);
    expect(await readFile(saltFile, 'latin1')).toMatch(/^coffer-root-salt-v1 /);
  });

  it('needs exactly one source', async () => {
    const passphrase = new Secret(Buffer.from('x'));
    await expect(loadOrCreateRootKey({})).rejects.toThrow(refusal('either'));
    await expect(loadOrCreateRootKey({ file, passphrase })).rejects.toThrow(refusal('either'));
    await expect(loadOrCreateRootKey({ passphrase })).rejects.toThrow(refusal('salt file'));
    const empty = new Secret(Buffer.alloc(0));
    await expect(loadOrCreateRootKey({ passphrase: empty, saltFile: file })).rejects.toThrow(refusal('empty'));
  });

  it('prints nothing of itself', async () => {
    const rootKey = await loadOrCreateRootKey({ file });
    const printed = inspect(rootKey, { depth: 9, showHidden: true }) + JSON.stringify(rootKey);
    const [, key, , secret] = (await readFile(file, 'latin1')).split(/\s/);
    for (const base64 of [key!, secret!]) {
      expect(base64).toHaveLength(44);
      expect(printed).not.toContain(base64);
      expect(printed).not.toContain(Buffer.from(base64, 'base64').toString('hex'));
    }
  });
});
