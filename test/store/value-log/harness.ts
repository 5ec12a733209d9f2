import { randomBytes } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Store, StoreOptions } from '../../../src/store/leveldb/open.js';
import type { Run } from '../../../src/store/ports.js';
import { OWNER, openTestStore } from '../harness.js';

/** Segments of 1 MiB: four bodies of `BYTES` fill one. */
export const SMALL: StoreOptions = { segmentMinBytes: 1024 * 1024 };
export const BYTES = 300_000;

/** A run and what was stored in it. */
export interface Stored {
  run: Run;
  values: Buffer[];
}

export const open = (directory: string, options: StoreOptions = {}): Promise<Store> =>
  openTestStore(directory, { ...SMALL, ...options });

export async function store({ blobs }: Store, bytes = BYTES): Promise<Stored> {
  const values = [randomBytes(Math.ceil(bytes / 2)), randomBytes(Math.floor(bytes / 2))];
  return { run: await blobs.put(OWNER, values, 0), values };
}

export async function holds({ blobs }: Pick<Store, 'blobs'>, { run, values }: Stored): Promise<boolean> {
  const snapshot = blobs.snapshot();
  try {
    const read = await snapshot.read(OWNER, run, 0, run.count);
    return read.every((value, i) => value.equals(values[i]!));
  } finally {
    await snapshot.close();
  }
}

export async function expectWhole(opened: Store, some: Stored[]): Promise<void> {
  for (const one of some) expect(await holds(opened, one), `run ${one.run.first}`).toBe(true);
  for await (const damage of opened.blobs.verify!()) expect(damage).toBeUndefined();
}

/** Paths, oldest first. */
export async function segmentsOf(directory: string): Promise<string[]> {
  const names = await readdir(join(directory, 'segments')).catch(() => []);
  return names
    .filter((name) => name.endsWith('.seg'))
    .sort()
    .map((name) => join(directory, 'segments', name));
}

export async function segmentBytes(directory: string): Promise<number> {
  let sum = 0;
  for (const path of await segmentsOf(directory)) {
    sum += await stat(path).then(
      ({ size }) => size,
      () => 0,
    );
  }
  return sum;
}
