import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadOrCreateRootKey } from '../../src/seal/root-key.js';
import { openStore } from '../../src/store/leveldb/open.js';
import { fill, requireAll } from '../admin/harness.js';
import { EveryObject } from '../admin/objects.js';
import { coffer, startCli } from '../support/cli.js';
import { failedStart, startServer, type TestServer } from '../support/server.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'coffer-rotate-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const home = (): string => join(dir, 'config', 'coffer');

async function oneOf(pattern: RegExp): Promise<string> {
  const names = (await readdir(home())).filter((name) => pattern.test(name));
  expect(names).toHaveLength(1);
  return join(home(), names[0]!);
}

/** Whether a file of `meta` holds a value that was sealed under the root key with this id. */
async function sealedUnder(id: Buffer): Promise<string[]> {
  const files = (await readdir(join(dir, 'data', 'meta'))).filter((name) => /\.(ldb|log)$/.test(name));
  expect(files.length).toBeGreaterThan(0);
  const found: string[] = [];
  for (const file of files) {
    const content = await readFile(join(dir, 'data', 'meta', file));
    if (content.includes(Buffer.concat([Buffer.of(1), id]))) found.push(file);
  }
  return found;
}

/** A digest over every row of `blob` but the mark, which every opening raises; read from a copy. */
async function blobDigest(): Promise<string> {
  const copy = join(dir, 'blob-copy');
  await cp(join(dir, 'data', 'blob'), copy, { recursive: true });
  const level = new Level<Buffer, Buffer>(copy, { keyEncoding: 'buffer', valueEncoding: 'buffer', compression: false });
  const hash = createHash('sha256');
  let rows = 0;
  for await (const [key, value] of level.iterator({ gt: Buffer.of(0) })) {
    hash.update(key).update(value);
    rows++;
  }
  await level.close();
  await rm(copy, { recursive: true });
  expect(rows).toBeGreaterThan(10);
  return hash.digest('hex');
}

async function rotated(words: string[], env: Record<string, string> = {}): Promise<string> {
  const ran = await coffer(dir, ['root-key', 'rotate', '--yes', ...words], env);
  expect(ran, ran.stderr).toMatchObject({ status: 0 });
  return ran.stdout + ran.stderr;
}

async function ended(server: TestServer): Promise<void> {
  expect(await server.end('SIGTERM')).toBe(0);
}

test('file → file → passphrase → new passphrase → file: everything reads, nothing opens with what went before', async () => {
  const objects = new EveryObject();
  const first = await startServer({ dir });
  await objects.put(first);
  // Cut off, so that rows lie in a log too.
  await first.end('SIGKILL');
  const keyFile = await oneOf(/\.key$/);
  const oldText = await readFile(keyFile, 'utf8');
  const oldKey = await loadOrCreateRootKey({ file: keyFile, create: false });
  expect((await sealedUnder(oldKey.id)).length).toBeGreaterThan(0);
  const blobs = await blobDigest();

  const told = await rotated([]);
  expect(told).toMatch(/re-sealing: 100 %/);
  expect(told).toContain(`${keyFile}.old-${oldKey.id.toString('hex')}, may be destroyed`);
  expect(await blobDigest()).toBe(blobs);
  expect(await sealedUnder(oldKey.id)).toEqual([]);
  const newText = await readFile(keyFile, 'utf8');
  for (const text of [oldText, newText]) {
    const [, key, , secret] = text.split(/\s/);
    for (const base64 of [key!, secret!]) expect(told).not.toContain(base64);
  }
  const second = await startServer({ dir });
  expect(await objects.check(second)).toBe(31);
  await objects.completeOne(second);
  await ended(second);

  // The old key file, put back, starts nothing.
  const newKey = await loadOrCreateRootKey({ file: keyFile, create: false });
  await writeFile(keyFile, oldText);
  expect(await failedStart(dir, {})).toMatchObject({ code: 1, output: expect.stringMatching(/wrong root key/) });
  await writeFile(keyFile, newText);

  const words = await rotated(['--to-passphrase'], { COFFER_NEW_ROOT_KEY_PASSPHRASE: 'correct horse' });
  expect(words).not.toContain('correct horse');
  expect(await sealedUnder(newKey.id)).toEqual([]);
  expect(await failedStart(dir, {})).toMatchObject({ code: 1, output: expect.stringMatching(/wrong root key/) });
  const salt = await readFile(await oneOf(/\.salt$/), 'utf8');
  const passphrase = { COFFER_ROOT_KEY_PASSPHRASE: 'correct horse' };
  const third = await startServer({ dir, env: passphrase });
  expect(await objects.check(third)).toBe(32);
  await objects.completeOne(third);
  await ended(third);

  const passphraseFile = join(dir, 'new-passphrase');
  await writeFile(passphraseFile, 'battery staple\n');
  await rotated(['--to-passphrase'], { ...passphrase, COFFER_NEW_ROOT_KEY_PASSPHRASE_FILE: passphraseFile });
  expect(await readFile(await oneOf(/\.salt$/), 'utf8')).not.toBe(salt);
  expect(await failedStart(dir, passphrase)).toMatchObject({
    code: 1,
    output: expect.stringMatching(/wrong root key/),
  });

  const target = join(dir, 'keys', 'root.key');
  const json = await rotated(['--to-file', target, '--json'], { COFFER_ROOT_KEY_PASSPHRASE: 'battery staple' });
  const lines = json
    .trim()
    .split('\n')
    .map((one) => JSON.parse(one));
  expect(lines).toEqual([expect.objectContaining({ file: target })]);
  const last = await startServer({ dir, env: { COFFER_ROOT_KEY_FILE: target } });
  await objects.completeAll(last);
  expect(await objects.check(last)).toBe(36);
  await ended(last);
}, 120_000);

test('a running server, a taken path, a path in the data directory and a missing passphrase are refused, and nothing changes', async () => {
  const server = await startServer({ dir });
  const inUse = await coffer(dir, ['root-key', 'rotate', '--yes']);
  expect(inUse).toMatchObject({ status: 1, stderr: expect.stringMatching(/is in use: stop the server/) });
  await ended(server);
  const keyFile = await oneOf(/\.key$/);
  const before = await readFile(keyFile, 'utf8');
  const taken = join(dir, 'taken');
  await writeFile(taken, 'mine');
  const cases: [string[], number, RegExp, Record<string, string>?][] = [
    [['--to-file', taken], 1, /exists already/],
    [['--to-file', join(dir, 'data', 'k')], 1, /inside the data directory/],
    [['--to-passphrase'], 2, /COFFER_NEW_ROOT_KEY_PASSPHRASE/],
    [['--to-passphrase', '--to-file', '/x'], 2, /exclude each other/],
    [['--resume'], 1, /nothing to resume/],
    [['--resume', '--to-passphrase'], 2, /--resume/],
    [['--url', 'http://127.0.0.1:1'], 2, /no --url/],
    [['surplus'], 2, /unexpected argument surplus/],
    [['--frobnicate'], 2, /frobnicate/],
    [[], 1, /missing/, { COFFER_ROOT_KEY_FILE: join(dir, 'none') }],
    [[], 1, /there is no store/, { COFFER_DATA_DIR: join(dir, 'nothing-here') }],
  ];
  for (const [words, status, message, env] of cases) {
    const ran = await coffer(dir, ['root-key', 'rotate', '--yes', ...words], env);
    expect(ran, words.join(' ')).toMatchObject({ status, stderr: expect.stringMatching(message) });
  }
  expect(await readFile(keyFile, 'utf8')).toBe(before);
  expect(await readFile(taken, 'utf8')).toBe('mine');
  expect((await readdir(home())).filter((name) => /next|old/.test(name))).toEqual([]);
  await expect(readdir(join(dir, 'nothing-here'))).rejects.toThrow();
  await ended(await startServer({ dir }));
}, 60_000);

const ROWS = 8_000;
const KILLS = 5;

test(`killed ${KILLS} times at any moment, a rotation comes to its end and not a row of ${ROWS} is lost`, async () => {
  await ended(await startServer({ dir }));
  const keyFile = await oneOf(/\.key$/);
  const from = await loadOrCreateRootKey({ file: keyFile, create: false });
  const data = join(dir, 'data');
  const filled = await openStore(data, { freeSpaceFloorBytes: 0 });
  const rows = await fill(filled.meta, from, ROWS);
  await filled.close();
  let kills = 0;
  let interrupted = 0;
  let found = 0;
  for (let round = 0; kills < KILLS || found === 0; round++) {
    if (round > 60) throw new Error('never killed');
    const { child, ran } = startCli(dir, ['root-key', 'rotate', ...(interrupted ? ['--resume'] : ['--yes'])]);
    killAtLine(child, 1 + Math.floor(Math.random() * 24));
    const { status, stderr } = await ran;
    if (status === null) kills++;
    else expect(status, stderr).toBe(0);
    interrupted = (await isWhole()) ? 0 : 1;
    found += interrupted;
  }
  expect(found).toBeGreaterThan(0);
  if (interrupted) expect(await coffer(dir, ['root-key', 'rotate', '--resume'])).toMatchObject({ status: 0 });
  const store = await openStore(data, { freeSpaceFloorBytes: 0 });
  try {
    const now = await loadOrCreateRootKey({ file: keyFile, create: false });
    expect(await requireAll(store.meta, now, rows)).toBe(ROWS + 12);
  } finally {
    await store.close();
  }
}, 120_000);

/** SIGKILL a little after the n-th line of progress: checking, re-sealing and compacting tell some ten each. */
function killAtLine(child: ChildProcess, line: number): void {
  let lines = 0;
  const count = (text: string): void => {
    lines += text.split('\n').length - 1;
    if (lines >= line) setTimeout(() => child.kill('SIGKILL'), Math.random() * 40);
  };
  child.stderr!.on('data', count);
  child.stdout!.on('data', count);
}

/** Without a server: either the data open with the key in the file, or the interrupted rotation is what is told. */
async function isWhole(): Promise<boolean> {
  const { status, stderr } = await coffer(dir, ['store', 'status']);
  if (status !== 0) expect(stderr).toMatch(/run `coffer root-key rotate --resume`/);
  return status === 0;
}
