import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Store, StoreOptions } from '../../src/store/leveldb/open.js';
import type { BlobSnapshot, Run } from '../../src/store/ports.js';
import { error, filesOf, OWNER, openTestStore, temporaryDirectory } from './harness.js';

const MB = 1_000_000;
/** Tables of 2 MiB and segments of one, so that a few megabytes fill some. */
const SMALL = { blobTableBytes: 2 * 1024 * 1024, segmentMinBytes: 1024 * 1024 };
const PLACES = ['value-log', 'leveldb'] as const;
const reclaiming = (blobs: (typeof PLACES)[number]) => ({ ...SMALL, blobs, reclaim: { enabled: true, pauseMs: 1 } });
const WAIT = { timeout: 30_000 };

async function filled(options: StoreOptions, megabytes: number) {
  const directory = await temporaryDirectory();
  const store = await openTestStore(directory, options);
  const runs = await fill(store, megabytes);
  return { directory, store, runs };
}

async function fill(store: Store, megabytes: number): Promise<Run[]> {
  const values = Array.from({ length: 10 }, () => Buffer.alloc(50_000, 1));
  const runs: Run[] = [];
  for (let i = 0; i < megabytes; i += 0.5) runs.push(await store.blobs.put(OWNER, values, 0));
  return runs;
}

async function storedBytes(directory: string): Promise<number> {
  let sum = 0;
  const segments = (await readdir(join(directory, 'segments')).catch(() => [])).map((name) =>
    join(directory, 'segments', name),
  );
  for (const file of [...(await filesOf(directory, 'blob', /\.(ldb|log)$/)), ...segments]) {
    sum += await stat(file).then(
      ({ size }) => size,
      () => 0,
    );
  }
  return sum;
}

const isLost = (snapshot: BlobSnapshot) => {
  const lost: Error[] = [];
  snapshot.onLost?.((cause) => void lost.push(cause));
  return lost;
};

describe.each(PLACES)('space of deleted blobs (%s)', (blobs) => {
  const RECLAIM = reclaiming(blobs);

  it('is given back to the file system, and what lies between stays', async () => {
    const { directory, store, runs } = await filled(RECLAIM, 15);
    const kept = await store.blobs.put(OWNER, [Buffer.alloc(1000, 2)], 0);
    await store.blobs.delete(OWNER, runs);
    await expect.poll(() => storedBytes(directory), WAIT).toBeLessThan(1 * MB);
    const snapshot = store.blobs.snapshot();
    expect(await snapshot.read(OWNER, kept, 0, 1)).toEqual([Buffer.alloc(1000, 2)]);
    await snapshot.close();
  });

  it('that a reader saw is given back when it has left, though LevelDB compacted meanwhile', async () => {
    const { directory, store, runs } = await filled(RECLAIM, 15);
    const before = store.blobs.snapshot();
    await before.read(OWNER, runs[0]!, 0, 1);
    await store.blobs.delete(OWNER, runs.slice(0, 20));
    // Those who came later see nothing of it, and yet keep the files that they read.
    const after = store.blobs.snapshot();
    await after.read(OWNER, runs[25]!, 0, 1);
    await store.blobs.delete(OWNER, runs.slice(20));
    // Two memtables of something else: LevelDB brings what is deleted and its deletion together.
    await store.blobs.delete(OWNER, await fill(store, 15));
    expect(await storedBytes(directory)).toBeGreaterThan(10 * MB);
    expect((await before.read(OWNER, runs[3]!, 0, 2)).map(({ length }) => length)).toEqual([50_000, 50_000]);
    await before.close();
    await after.close();
    await expect.poll(() => storedBytes(directory), WAIT).toBeLessThan(1 * MB);
  });

  it('that another process deleted and did not come to give back is found at the next start', async () => {
    const { directory, store, runs } = await filled({ ...SMALL, blobs }, 15);
    await store.blobs.delete(OWNER, runs);
    await store.close();
    expect(await storedBytes(directory)).toBeGreaterThan(10 * MB);
    await openTestStore(directory, RECLAIM);
    await expect.poll(() => storedBytes(directory), WAIT).toBeLessThan(1 * MB);
  });
});

describe.each(PLACES)('a snapshot that keeps back too much (%s)', (blobs) => {
  it('by size: who reads what was deleted ends, who reads what is still there goes on, and the space comes back', async () => {
    // Of values in rows 512 KiB are counted, whatever they have.
    const limits = { maxAgeMs: 3_600_000, maxHeldBytes: (blobs === 'leveldb' ? 20 : 5) * MB };
    const { directory, store, runs } = await filled({ ...reclaiming(blobs), snapshotLimits: limits }, 15);
    const [first, last] = [runs[0]!, runs.at(-1)!];
    const stalled = store.blobs.snapshot();
    const alive = store.blobs.snapshot();
    const unread = store.blobs.snapshot();
    const [stalledLost, aliveLost] = [isLost(stalled), isLost(alive)];
    await stalled.read(OWNER, first, 0, 2);
    await alive.read(OWNER, last, 0, 2);
    await store.blobs.delete(OWNER, runs.slice(0, 2));
    expect(stalledLost).toEqual([]);
    expect(await stalled.read(OWNER, first, 2, 2)).toHaveLength(2);
    await store.blobs.delete(OWNER, runs.slice(2, -1));
    await expect.poll(() => stalledLost).toEqual([error('SnapshotExpired')]);
    await expect(stalled.read(OWNER, first, 4, 2)).rejects.toThrow(error('SnapshotExpired'));
    await expect(unread.read(OWNER, first, 0, 1)).rejects.toThrow(error('SnapshotExpired'));
    expect(await alive.read(OWNER, last, 2, 2)).toHaveLength(2);
    expect(await alive.read(OWNER, last, 0, 10)).toHaveLength(10);
    expect(aliveLost).toEqual([]);
    // Nobody has closed anything.
    await expect.poll(() => storedBytes(directory), WAIT).toBeLessThan(3 * MB);
    for (const snapshot of [stalled, alive, unread]) await snapshot.close();
  });

  it('by age: only once something it sees was deleted', async () => {
    let nowMs = 0;
    const limits = { maxAgeMs: 60_000, maxHeldBytes: 1e12 };
    const { store, runs } = await filled({ blobs, snapshotLimits: limits, nowMs: () => nowMs }, 1);
    const snapshot = store.blobs.snapshot();
    const lost = isLost(snapshot);
    nowMs = 10 * 60_000;
    await snapshot.read(OWNER, runs[0]!, 0, 2);
    const young = store.blobs.snapshot();
    const youngLost = isLost(young);
    await young.read(OWNER, runs[0]!, 0, 1);
    await store.blobs.delete(OWNER, [runs[0]!]);
    await expect.poll(() => lost).toEqual([error('SnapshotExpired')]);
    expect(await young.read(OWNER, runs[0]!, 0, 10)).toHaveLength(10);
    expect(youngLost).toEqual([]);
    nowMs += 60_001;
    await store.blobs.delete(OWNER, [runs[1]!]);
    await expect.poll(() => youngLost).toEqual([error('SnapshotExpired')]);
    await snapshot.close();
    await young.close();
  });
});
