import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { WriteProbe } from '../../src/store/leveldb/database.js';
import type { Store } from '../../src/store/leveldb/open.js';
import { error, key, OWNER, openTestStore, put, temporaryDirectory } from './harness.js';

const FLOOR = 5000;
const RESERVE = 3000;

/** A store on a disk whose free bytes are said here; the reserve counts as used where it is there. */
async function onDisk(options: { reserveBytes?: number; probe?: WriteProbe } = {}) {
  const directory = await temporaryDirectory();
  const reserve = join(directory, 'reserve');
  const disk = { room: 10_000, nowMs: 0 };
  const troubles: string[] = [];
  const open = () =>
    openTestStore(directory, {
      freeSpaceFloorBytes: FLOOR,
      measureFreeBytes: async () => Math.max(0, disk.room - (existsSync(reserve) ? RESERVE : 0)),
      nowMs: () => disk.nowMs,
      onTrouble: (message) => void troubles.push(message),
      ...options,
    });
  const store = await open();
  const measured = async (room: number) => {
    disk.room = room;
    disk.nowMs += 1001;
    store.readOnly();
    // The measurement, and what it leads to.
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
  };
  return { store, reserve, disk, troubles, measured, open };
}

describe('below the free-space floor', () => {
  it('the store is read-only: writes are refused, reads and deletions go on, and it lets go when there is room again', async () => {
    const { store, measured, troubles } = await onDisk();
    await store.meta.commit({ puts: [put('a'), put('b')] });
    const run = await store.blobs.put(OWNER, [Buffer.alloc(10)], 0);
    expect(store.readOnly()).toBeUndefined();
    await measured(4999);
    expect(store.readOnly()).toContain('4999 bytes free');
    await expect(store.meta.commit({ puts: [put('c')] })).rejects.toThrow(error('StoreReadOnly', '4999 bytes free'));
    await expect(store.blobs.put(OWNER, [Buffer.alloc(10)], 0)).rejects.toThrow(error('StoreReadOnly'));
    const snapshot = store.blobs.snapshot();
    expect(await snapshot.read(OWNER, run, 0, 1)).toHaveLength(1);
    await snapshot.close();
    expect(await store.meta.commit({ dels: [key('a')] })).toBe(true);
    expect(await store.meta.commit({ dels: [key('b')], puts: [put('dead')], frees: true })).toBe(true);
    await store.blobs.delete(OWNER, [run]);
    await measured(5000);
    expect(store.readOnly()).toBeUndefined();
    expect(await store.meta.commit({ puts: [put('c')] })).toBe(true);
    expect(troubles).toEqual([
      expect.stringContaining('the store is read-only: 4999 bytes free'),
      'the store is no longer read-only: there is room again',
    ]);
  });
});

describe('the reserve', () => {
  it('is made when there is room, given up for a deletion where others have filled the disk, and made again before anything is written', async () => {
    const { store, reserve, measured } = await onDisk({ reserveBytes: RESERVE });
    await expect.poll(() => existsSync(reserve)).toBe(true);
    expect((await stat(reserve)).size).toBe(RESERVE);
    await measured(FLOOR + RESERVE - 1);
    expect(store.readOnly()).toBeDefined();
    expect(existsSync(reserve)).toBe(true);
    await measured(RESERVE + 100);
    // Reading needs none of it, and a deletion does.
    expect(await store.meta.get(key('a'))).toBeUndefined();
    expect(existsSync(reserve)).toBe(true);
    expect(await store.meta.commit({ dels: [key('a')] })).toBe(true);
    expect(existsSync(reserve)).toBe(false);
    // Room for the floor, but not for the reserve as well.
    await measured(FLOOR + RESERVE - 1);
    expect(store.readOnly()).toBeDefined();
    expect(existsSync(reserve)).toBe(false);
    await measured(FLOOR + 2 * RESERVE);
    expect(store.readOnly()).toBeUndefined();
    await expect.poll(() => existsSync(reserve)).toBe(true);
  });

  it('is given up where others have filled the disk since the last look, a second ago or an hour', async () => {
    const filled = async () => {
      const opened = await onDisk({ reserveBytes: RESERVE });
      await expect.poll(() => existsSync(opened.reserve)).toBe(true);
      await opened.store.meta.commit({ puts: [put('a')] });
      const run = await opened.store.blobs.put(OWNER, [Buffer.alloc(10)], 0);
      opened.disk.room = RESERVE;
      opened.disk.nowMs += 3_600_000;
      return { ...opened, run };
    };
    const deleting = await filled();
    expect(await deleting.store.meta.commit({ dels: [key('a')] })).toBe(true);
    expect(existsSync(deleting.reserve)).toBe(false);
    const emptying = await filled();
    await emptying.store.blobs.delete(OWNER, [emptying.run]);
    expect(existsSync(emptying.reserve)).toBe(false);
    const writes = [
      ({ meta }: Store) => meta.commit({ puts: [put('b')] }),
      ({ blobs }: Store) => blobs.put(OWNER, [Buffer.alloc(10)], 0),
      ({ blobs }: Store) => blobs.put(OWNER, [Buffer.alloc(200_000)], 0),
    ];
    for (const write of writes) {
      const { store, reserve } = await filled();
      await expect(write(store)).rejects.toThrow(error('StoreReadOnly'));
      expect(existsSync(reserve)).toBe(true);
    }
    const asked = await filled();
    await asked.store.measureSpace();
    expect(asked.store.readOnly()).toBeDefined();
  });

  it('is given up before a start on a full disk', async () => {
    const { store, reserve, disk, open } = await onDisk({ reserveBytes: RESERVE });
    await expect.poll(() => existsSync(reserve)).toBe(true);
    await store.meta.commit({ puts: [put('a')] });
    await store.close();
    disk.room = RESERVE + 1;
    const again = await open();
    expect(existsSync(reserve)).toBe(false);
    expect(again.readOnly()).toBeDefined();
    expect(await again.meta.get(key('a'))).toBeDefined();
  });

  it.each(['ENOSPC: no space left on device', 'IO error: meta/000005.log: No space left on device', 'EDQUOT'])(
    'is given up where a write finds no room (%s): the store recovers, reads and deletes',
    async (message) => {
      const fault = { next: false };
      const probe: WriteProbe = {
        before() {
          if (!fault.next) return;
          fault.next = false;
          throw new Error(message);
        },
      };
      const { store, reserve, disk } = await onDisk({ reserveBytes: RESERVE, probe });
      await expect.poll(() => existsSync(reserve)).toBe(true);
      await store.meta.commit({ puts: [put('kept')] });
      // The last measurement saw room enough.
      disk.room = RESERVE + 10;
      fault.next = true;
      await expect(store.meta.commit({ puts: [put('a', 1000)] })).rejects.toThrow(error('OutcomeUnknown'));
      const read = () => store.meta.get(key('kept')).catch(() => undefined);
      await expect.poll(read).toBeDefined();
      expect(existsSync(reserve)).toBe(false);
      await expect(store.meta.commit({ puts: [put('b')] })).rejects.toThrow(error('StoreReadOnly'));
      expect(await store.meta.commit({ dels: [key('kept')] })).toBe(true);
    },
  );
});
