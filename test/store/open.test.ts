import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openStore } from '../../src/store/leveldb/open.js';
import { error, key, OWNER, openTestStore, put, temporaryDirectory } from './harness.js';

const WRITER = fileURLToPath(new URL('./writer-process.ts', import.meta.url));

function startWriter(
  directory: string,
  blobBytes: number,
  blobs = 'value-log',
): { child: ChildProcess; lines: () => number; errors: () => string } {
  const child = spawn(process.execPath, ['--import', 'tsx', WRITER, directory, String(blobBytes), blobs], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout!.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr!.on('data', (chunk) => {
    err += chunk;
  });
  return { child, lines: () => out.split('\n').length - 1, errors: () => err };
}

describe('a data directory', () => {
  it('keeps its id, its rows and its blobs', async () => {
    const directory = await temporaryDirectory();
    const store = await openTestStore(join(directory, 'deep', 'data'));
    const row = put('row');
    await store.meta.commit({ puts: [row] });
    const run = await store.blobs.put(OWNER, [Buffer.alloc(600_000, 9)], 0);
    await store.close();
    await store.close();
    const again = await openTestStore(join(directory, 'deep', 'data'));
    expect(again.storeId).toBe(store.storeId);
    expect((await again.meta.get(row.key))!.value).toEqual(row.value);
    const snapshot = again.blobs.snapshot();
    expect((await snapshot.read(OWNER, run, 0, 1))[0]!.equals(Buffer.alloc(600_000, 9))).toBe(true);
    await snapshot.close();
  });

  it('is open to its owner only', async () => {
    const directory = join(await temporaryDirectory(), 'data');
    await openTestStore(directory);
    expect((await stat(directory)).mode & 0o077).toBe(0);
  });

  it('in use, by this process or another one, is StoreInUse and stays unharmed', async () => {
    const directory = await temporaryDirectory();
    const store = await openTestStore(directory);
    await expect(openStore(directory)).rejects.toThrow(error('StoreInUse', directory));
    const { child, errors } = startWriter(directory, 10);
    const [status] = await once(child, 'exit');
    expect(status).toBe(1);
    expect(errors()).toContain('is in use by another process');
    expect(await store.meta.commit({ puts: [put('x')] })).toBe(true);
  });

  it('of a newer version is StoreTooNew and is not touched', async () => {
    const directory = await temporaryDirectory();
    await (await openTestStore(directory)).close();
    const format = { ...JSON.parse(await readFile(join(directory, 'format'), 'utf8')), version: 3 };
    await writeFile(join(directory, 'format'), JSON.stringify(format));
    await expect(openStore(directory)).rejects.toThrow(error('StoreTooNew', 'version 3'));
    expect(JSON.parse(await readFile(join(directory, 'format'), 'utf8'))).toEqual(format);
  });

  it('whose creation was interrupted is made anew', async () => {
    const directory = await temporaryDirectory();
    await (await openTestStore(directory)).close();
    await unlink(join(directory, 'format'));
    await unlink(join(directory, 'clean'));
    await writeFile(join(directory, 'creating'), '');
    const store = await openTestStore(directory);
    expect(await store.meta.commit({ puts: [put('x')] })).toBe(true);
  });

  it('numbers of blobs go on behind the reserved mark after every start', async () => {
    const directory = await temporaryDirectory();
    let last = 0;
    for (let i = 0; i < 3; i++) {
      const store = await openTestStore(directory);
      expect(store.blobs.mark()).toBeGreaterThan(last);
      last = (await store.blobs.put(OWNER, [Buffer.alloc(1)], 0)).first;
      expect(last).toBe(1 + i * 65_536);
      await store.close();
    }
  });
});

describe('a process killed with SIGKILL', () => {
  it.each([
    [1000, 'value-log'],
    [300_000, 'value-log'],
    [300_000, 'leveldb'],
  ])('loses nothing it acknowledged (blobs of %i bytes, %s)', async (bytes, blobs) => {
    const directory = await temporaryDirectory();
    const { child, lines, errors } = startWriter(directory, bytes, blobs);
    await expect.poll(lines).toBeGreaterThan(30);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(errors()).toBe('');
    const acknowledged = lines();
    const store = await openTestStore(directory);
    const snapshot = store.blobs.snapshot();
    for (let n = 0; n < acknowledged; n++) {
      const row = await store.meta.get(key(n));
      const run = JSON.parse(row!.value.toString());
      expect((await snapshot.read(OWNER, run, 0, 1))[0]!.equals(Buffer.alloc(bytes, n))).toBe(true);
    }
    await snapshot.close();
    expect(store.blobs.mark()).toBe(65_537);
  });
});
