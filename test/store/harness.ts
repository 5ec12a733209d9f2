import { randomBytes } from 'node:crypto';
import { mkdtemp, open, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect } from 'vitest';
import { inspect } from '../../src/store/leveldb/guard.js';
import { openStore, type Store, type StoreOptions } from '../../src/store/leveldb/open.js';

export const OWNER = Buffer.alloc(16, 1);
export const key = (name: string | number): Buffer => Buffer.from(`k/${name}`);
export const put = (name: string | number, bytes = 100) => ({ key: key(name), value: randomBytes(bytes) });

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Removed after the test. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'coffer-store-'));
  cleanups.push(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Closed after the test. */
export async function openTestStore(directory: string, options: StoreOptions = {}): Promise<Store> {
  const store = await openStore(directory, { freeSpaceFloorBytes: 0, reclaim: { enabled: false }, ...options });
  cleanups.push(() => store.close());
  return store;
}

/** Paths of the files of a database with this ending, the last one last. */
export async function filesOf(directory: string, database: 'meta' | 'blob', pattern: RegExp): Promise<string[]> {
  const names = (await readdir(join(directory, database))).filter((name) => pattern.test(name)).sort();
  return names.map((name) => join(directory, database, name));
}

/** The largest of them: the one with the data. */
export async function largest(paths: string[]): Promise<string> {
  const sized = await Promise.all(paths.map(async (path) => ({ path, size: (await stat(path)).size })));
  return sized.sort((a, b) => b.size - a.size)[0]!.path;
}

/** The table whose keys this one lies between; of several the deepest. */
export async function tableWith(directory: string, database: 'meta' | 'blob', within: Buffer): Promise<string> {
  const { tables } = await inspect(join(directory, database));
  const found = tables
    .filter(({ smallest, largest }) => Buffer.compare(smallest, within) <= 0 && Buffer.compare(largest, within) >= 0)
    .sort((a, b) => b.level - a.level);
  return found[0]!.path;
}

export async function flipBit(path: string, offset: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, offset);
    byte[0]! ^= 4;
    await file.write(byte, 0, 1, offset);
  } finally {
    await file.close();
  }
}

/** An error of this name whose message has this part. */
export const error = (name: string, part = ''): unknown =>
  expect.objectContaining({ name, message: expect.stringContaining(part) });
