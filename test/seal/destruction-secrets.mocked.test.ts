import { chmod, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Secret } from '../../src/base/secret.js';
import { KeyStoreKeyFile } from '../../src/kms/key-store-key.js';
import { decodeKeyFile, encodeKeyFile } from '../../src/seal/key-file-text.js';
import { loadOrCreateRootKey, type RootKey } from '../../src/seal/root-key.js';

/** What the file system answers instead of doing it: a mount that can't be written, a disk that is full. */
const fault = vi.hoisted(() => ({ at: '', code: '' }));

vi.mock('node:fs/promises', async (original) => {
  const actual = await original<typeof import('node:fs/promises')>();
  const faulty = (name: 'open' | 'rename') =>
    (async (...values: unknown[]) => {
      const isAt = fault.at === name && (name === 'rename' || values[1] === 'wx');
      if (isAt) throw Object.assign(new Error(fault.code), { code: fault.code });
      return (actual[name] as (...all: unknown[]) => Promise<unknown>)(...values);
    }) as never;
  return { ...actual, open: faulty('open'), rename: faulty('rename') };
});

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coffer-secrets-'));
  file = join(directory, 'root.key');
});
afterEach(async () => {
  fault.at = '';
  await rm(directory, { recursive: true, force: true });
});

const lines = async (path = file): Promise<string[]> => (await readFile(path, 'latin1')).trimEnd().split('\n');
const SECRET = /^coffer-destruction-secret-v1 [A-Za-z0-9+/]{43}=$/;

/** How many secrets the file held whenever the key-store file was to be sealed, and what came of it. */
async function replace({ destruction }: RootKey, fail = false) {
  const held: number[] = [];
  const stays = await destruction!.replace(async () => {
    held.push((await lines()).length - 1);
    if (fail) throw new Error('dead');
  });
  return { held, stays };
}

describe('the text of a key file', () => {
  const bytes = (fill: number) => Buffer.alloc(32, fill);
  const [one, other] = [new Secret(bytes(1)), new Secret(bytes(2))];
  test.each([
    ['no secret', [undefined], 1],
    ['one', [one], 2],
    ['one and the previous', [one, other], 3],
    ['the first one', [one, undefined], 3],
  ])('with %s is what it was read from', (_, secrets, count) => {
    const text = encodeKeyFile('marker', { content: bytes(9), secrets });
    expect(text.split('\n')).toHaveLength(count + 1);
    const read = decodeKeyFile(text, 'marker', 32)!;
    expect(read.content).toEqual(bytes(9));
    expect(read.secrets.map((secret) => secret?.expose())).toEqual(secrets.map((secret) => secret?.expose()));
    expect(encodeKeyFile('marker', read)).toBe(text);
  });
});

test('a replacement changes the secret alone; the file holds both while the key-store file is sealed', async () => {
  const rootKey = await loadOrCreateRootKey({ file });
  const before = await lines();
  expect(await replace(rootKey)).toEqual({ held: [2], stays: undefined });
  const after = await lines();
  expect(after).toEqual([before[0], expect.stringMatching(SECRET)]);
  expect(after[1]).not.toBe(before[1]);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readdir(directory)).toEqual(['root.key']);
  const loaded = await loadOrCreateRootKey({ file, create: false });
  expect(loaded.id).toEqual(rootKey.id);
  expect(loaded.destruction!.all.map((one) => one!.expose())).toEqual(
    rootKey.destruction!.all.map((one) => one!.expose()),
  );
});

test('a salt file gets one, too', async () => {
  const passphrase = () => new Secret(Buffer.from('correct horse'));
  const rootKey = await loadOrCreateRootKey({ passphrase: passphrase(), saltFile: file });
  const before = await lines();
  expect(before).toEqual([expect.stringMatching(/^coffer-root-salt-v1 /), expect.stringMatching(SECRET)]);
  expect(await replace(rootKey)).toEqual({ held: [2], stays: undefined });
  const after = await lines();
  expect([after[0] === before[0], after[1] === before[1], after.length]).toEqual([true, false, 2]);
  const again = await loadOrCreateRootKey({ passphrase: passphrase(), saltFile: file, create: false });
  expect(again.id).toEqual(rootKey.id);
});

test('a file without a secret gets one with the first replacement, and tells meanwhile that it had none', async () => {
  await loadOrCreateRootKey({ file });
  const [key] = await lines();
  await writeFile(file, `${key}\n`);
  const rootKey = await loadOrCreateRootKey({ file });
  expect(rootKey.destruction!.all).toEqual([undefined]);
  let between: string[] = [];
  await rootKey.destruction!.replace(async () => {
    between = await lines();
    expect((await loadOrCreateRootKey({ file })).destruction!.all).toEqual([expect.any(Secret), undefined]);
  });
  expect(between).toEqual([key, expect.stringMatching(SECRET), 'coffer-destruction-secret-v1 none']);
  expect(await lines()).toEqual(between.slice(0, 2));
});

test('one that was interrupted is ended before another begins, and at a start', async () => {
  const rootKey = await loadOrCreateRootKey({ file });
  await expect(replace(rootKey, true)).rejects.toThrow('dead');
  expect(await lines()).toHaveLength(3);
  const another = await loadOrCreateRootKey({ file });
  const [next] = another.destruction!.all.map((secret) => secret!.expose());
  expect(await replace(another)).toEqual({ held: [2, 2], stays: undefined });
  expect(another.destruction!.all.map((secret) => secret!.expose().equals(next!))).toEqual([false]);
  await expect(replace(another, true)).rejects.toThrow('dead');
  await writeFile(`${file}.new`, 'left over');
  const last = await loadOrCreateRootKey({ file });
  const expected = last.destruction!.all[0]!.expose();
  let sealed = 0;
  const reseal = async () => void sealed++;
  for (let i = 0; i < 2; i++) await last.destruction!.takeUp(reseal);
  expect([sealed, await lines(), await readdir(directory)]).toEqual([
    1,
    [expect.anything(), `coffer-destruction-secret-v1 ${expected.toString('base64')}`],
    ['root.key'],
  ]);
});

describe('a file that is not to be replaced stays as it is, and the key-store file is sealed all the same', () => {
  test.each([
    ['open', 'EROFS'],
    ['open', 'EACCES'],
    ['rename', 'EPERM'],
    ['rename', 'EBUSY'],
  ])('%s: %s', async (at, code) => {
    const rootKey = await loadOrCreateRootKey({ file });
    const before = await lines();
    Object.assign(fault, { at, code });
    expect(await replace(rootKey)).toEqual({ held: [1], stays: code });
    expect([await lines(), await readdir(directory)]).toEqual([before, ['root.key']]);
    fault.at = '';
    expect(await replace(rootKey)).toEqual({ held: [2], stays: undefined });
  });

  test('mode 0400', async () => {
    const rootKey = await loadOrCreateRootKey({ file });
    const before = await lines();
    await chmod(file, 0o400);
    expect(await replace(rootKey)).toEqual({ held: [1], stays: 'its mode is read-only' });
    expect(await lines()).toEqual(before);
  });

  test('it was taken away, or another root key’s file lies there', async () => {
    const rootKey = await loadOrCreateRootKey({ file });
    await rename(file, `${file}.away`);
    let sealed = 0;
    const reseal = async () => void sealed++;
    expect(await rootKey.destruction!.replace(reseal)).toBe('ENOENT');
    await loadOrCreateRootKey({ file });
    const others = await lines();
    expect(await rootKey.destruction!.replace(reseal)).toMatch(/is another root key's by now/);
    expect([sealed, await lines()]).toEqual([2, others]);
  });

  test('it became so in the middle: both secrets stay in it until it can be written', async () => {
    const rootKey = await loadOrCreateRootKey({ file });
    const stays = await rootKey.destruction!.replace(
      async () => void Object.assign(fault, { at: 'open', code: 'EROFS' }),
    );
    expect([stays, (await lines()).length]).toEqual(['EROFS', 3]);
    expect(await replace(rootKey)).toEqual({ held: [2], stays: 'EROFS' });
    fault.at = '';
    await rootKey.destruction!.takeUp(async () => {});
    expect(await lines()).toHaveLength(2);
  });
});

test('a full disk is an error, nothing is left, and the next time heals it', async () => {
  const rootKey = await loadOrCreateRootKey({ file });
  const before = await lines();
  for (const at of ['open', 'rename']) {
    Object.assign(fault, { at, code: 'ENOSPC' });
    await expect(replace(rootKey)).rejects.toThrow('ENOSPC');
    expect([await lines(), await readdir(directory)]).toEqual([before, ['root.key']]);
  }
  fault.at = '';
  expect(await replace(rootKey)).toEqual({ held: [2], stays: undefined });
});

test('behind a link the file itself is replaced', async () => {
  const rootKey = await loadOrCreateRootKey({ file: join(directory, 'real.key') });
  await symlink('real.key', file);
  const linked = await loadOrCreateRootKey({ file });
  const before = await lines();
  expect(await replace(linked)).toEqual({ held: [2], stays: undefined });
  expect(await lines()).not.toEqual(before);
  expect((await loadOrCreateRootKey({ file: join(directory, 'real.key') })).id).toEqual(rootKey.id);
  expect((await readdir(directory)).sort()).toEqual(['real.key', 'root.key']);
  expect(await lines(join(directory, 'real.key'))).toEqual(await lines());
});

test('a root key that is disposed of writes and derives nothing', async () => {
  const rootKey = await loadOrCreateRootKey({ file });
  const before = await lines();
  rootKey.dispose();
  const { stays } = await replace(rootKey);
  expect([stays, await lines()]).toEqual([expect.stringMatching(/another root key's/), before]);
  expect(() => rootKey.derive('x')).toThrow('disposed of');
  expect(() => rootKey.deriveWith(new Secret(Buffer.alloc(32)), 'x')).toThrow('disposed of');
});

test('neither the root key nor the secret alone gives what both give', async () => {
  const rootKey = await loadOrCreateRootKey({ file });
  const [secret, other] = [new Secret(Buffer.alloc(32, 1)), new Secret(Buffer.alloc(32, 2))];
  const all = [rootKey.deriveWith(secret, 'x'), rootKey.deriveWith(other, 'x'), rootKey.derive('x')];
  expect(new Set(all.map((key) => key.expose().toString('hex'))).size).toBe(3);
});

test('the worked example of FORMAT: sealing key and key-store file', async () => {
  const document = await readFile(new URL('../../src/encryption/FORMAT.md', import.meta.url), 'utf8');
  const text = document.split('For example, with this root key file')[1]!.split('**Destruction**')[0]!;
  const block = [...text.matchAll(/^ {4}(coffer-\S+ \S+)$/gm)].map(([, line]) => `${line}\n`);
  const [sealingKey, keyStoreKey] = [...text.matchAll(/`([0-9a-f]{64})`/g)].map(([, hex]) => hex);
  expect(block).toHaveLength(3);
  await writeFile(file, block.slice(0, 2).join(''), { mode: 0o600 });
  await writeFile(`${file}.keystore`, block[2]!);
  const rootKey = await loadOrCreateRootKey({ file, create: false });
  const [secret] = rootKey.destruction!.all;
  expect(rootKey.deriveWith(secret!, 'coffer/key-store-sealing/2').expose().toString('hex')).toBe(sealingKey);
  const keyStore = await new KeyStoreKeyFile(`${file}.keystore`, rootKey).load(false);
  expect(keyStore.expose().toString('hex')).toBe(keyStoreKey);
});
