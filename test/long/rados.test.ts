import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BlobStore } from '../../src/store/ports.js';
import { openRadosBlobs } from '../../src/store/rados/open.js';
import { blobStoreConformance } from '../store/conformance/blob-store.js';
import { CephCluster, cephMissing } from '../support/ceph.js';

const missing = cephMissing();
if (missing) console.warn(`Blobs in Ceph are not tested: ${missing} is missing.`);

const PATIENTLY = { timeout: 120_000, interval: 200 };
const OWNER = Buffer.alloc(16, 1);
const options = (storeId: string = randomUUID()) => ({
  onTrouble: () => {},
  graceMs: 900_000,
  password: undefined,
  storeId,
});

describe.skipIf(missing)('blobs in a Ceph pool', () => {
  let ceph: CephCluster;
  beforeAll(async () => {
    ceph = await CephCluster.start();
  });
  afterAll(() => ceph?.close());

  blobStoreConformance('in a Ceph pool', async () => {
    const store = await openRadosBlobs(ceph.url(randomUUID()), options());
    return { store, close: () => store.close() };
  });

  test('what a place lacks is said in a line', async () => {
    const failure = (url: string, storeId?: string) => openRadosBlobs(url, options(storeId)).then(fail, String);
    const fail = async (store: BlobStore) => {
      await store.close();
      throw new Error('it was opened');
    };
    expect(await failure(`rados:none?conf=${ceph.conf}`)).toBe(
      `ConfigError: There is no Ceph pool none (${ceph.conf}).`,
    );
    expect(await failure('rados:blobs?conf=/nowhere/ceph.conf')).toContain("/nowhere/ceph.conf can't be read");
    expect(await failure(`rados:blobs?conf=${ceph.conf}&id=nobody`)).toContain('Ceph refuses client.nobody');
    const mine = await openRadosBlobs(ceph.url('claimed'), options('11111111-1111-4111-8111-111111111111'));
    await mine.close();
    expect(await failure(ceph.url('claimed'))).toContain('holds the blobs of another store (11111111-1111-4111');
  });

  test('a user who may only read is told so, and nothing is in doubt', async () => {
    await ceph.ceph(
      'auth',
      'get-or-create',
      'client.reader',
      'mon',
      'allow r',
      'osd',
      'allow r',
      '-o',
      `${ceph.dir}/r.keyring`,
    );
    const { readFile, writeFile } = await import('node:fs/promises');
    const conf = (await readFile(ceph.conf, 'utf8')).replace('[client]', `[client]\nkeyring = ${ceph.dir}/r.keyring`);
    await writeFile(`${ceph.dir}/reader.conf`, conf);
    const storeId = randomUUID();
    await (await openRadosBlobs(ceph.url('readers'), options(storeId))).close();
    const opening = openRadosBlobs(
      `rados:blobs?conf=${ceph.dir}/reader.conf&id=reader&namespace=readers`,
      options(storeId),
    );
    await expect(opening).rejects.toThrow("refuses the user's rights");
  });

  test('a pool that is full is read-only: deletions go on, and then writes', async () => {
    const store = await openRadosBlobs(ceph.url('full'), options());
    try {
      const run = await store.put(OWNER, [randomBytes(1000)], 0);
      await ceph.ceph('osd', 'pool', 'set-quota', 'blobs', 'max_bytes', '1');
      let at = 0;
      // Ever more: what replaces as much isn't refused.
      const full = () =>
        store.put(OWNER, [randomBytes(1000)], ++at).then(
          () => 'stored',
          (error: Error) => error.name,
        );
      await expect.poll(full, PATIENTLY).toBe('StoreReadOnly');
      expect(await store.snapshot().read(OWNER, run, 0, 1)).toHaveLength(1);
      await store.delete(OWNER, [run]);
      await ceph.ceph('osd', 'pool', 'set-quota', 'blobs', 'max_bytes', '0');
      await expect.poll(full, PATIENTLY).toBe('stored');
    } finally {
      await store.close();
    }
  });
});

describe.skipIf(missing)('a Ceph cluster that loses servers', () => {
  /** Puts, reads back and deletes until it is told to end. */
  async function load(store: BlobStore) {
    const kept: { at: number; value: Buffer }[] = [];
    const errors: Error[] = [];
    let longestMs = 0;
    let at = 0;
    let ended = false;
    const work = async () => {
      while (!ended) {
        const value = randomBytes(256 * 1024);
        const mine = at++;
        const since = performance.now();
        try {
          const run = await store.put(OWNER, [value], mine);
          const [back] = await store.snapshot().read(OWNER, run, 0, 1);
          if (!back!.equals(value)) throw new Error('other bytes');
          if (mine % 2 === 0) kept.push({ at: mine, value });
          else await store.delete(OWNER, [run]);
        } catch (error) {
          errors.push(error as Error);
        }
        longestMs = Math.max(longestMs, performance.now() - since);
      }
    };
    const workers = Array.from({ length: 4 }, work);
    return {
      count: () => at,
      async end() {
        ended = true;
        await Promise.all(workers);
        return { kept, errors, longestMs };
      },
    };
  }

  test('an OSD and a monitor killed under load: a stall, no error, nothing lost', async () => {
    const ceph = await CephCluster.start({ monitors: 3 });
    try {
      const store = await openRadosBlobs(ceph.url(), options());
      const running = await load(store);
      const more = async () => {
        const before = running.count();
        await expect.poll(running.count, PATIENTLY).toBeGreaterThan(before + 20);
      };
      await more();
      await ceph.kill('osd.1');
      await more();
      ceph.startDaemon('osd.1');
      await more();
      await ceph.kill('mon.a');
      await more();
      await ceph.kill('osd.2');
      await more();
      const { kept, errors, longestMs } = await running.end();
      expect(errors).toEqual([]);
      console.log(`longest stall ${Math.round(longestMs)} ms, ${kept.length} runs kept`);
      const snapshot = store.snapshot();
      for (const { at, value } of kept) {
        const [back] = await snapshot.read(OWNER, { first: at, count: 1 }, 0, 1);
        expect(back!.equals(value)).toBe(true);
      }
      let listed = 0;
      for await (const _ of store.list()) listed++;
      expect(listed).toBe(kept.length);
      await store.close();
    } finally {
      await ceph.close();
    }
  });

  test('a cluster that stands still is unavailable in time, what was put is in doubt, and it goes on', async () => {
    const ceph = await CephCluster.start();
    try {
      const store = await openRadosBlobs(ceph.url(), { ...options(), graceMs: 4000 });
      const run = await store.put(OWNER, [randomBytes(1000)], 0);
      for (const osd of ['osd.0', 'osd.1', 'osd.2']) ceph.signal(osd, 'SIGSTOP');
      await expect(store.put(OWNER, [randomBytes(1000)], 1)).rejects.toMatchObject({
        name: 'PutInDoubt',
        run: { first: 1, count: 1 },
      });
      await expect(store.snapshot().read(OWNER, run, 0, 1)).rejects.toMatchObject({ name: 'NoAnswer' });
      for (const osd of ['osd.0', 'osd.1', 'osd.2']) ceph.signal(osd, 'SIGCONT');
      const reads = () =>
        store
          .snapshot()
          .read(OWNER, run, 0, 1)
          .then(
            ([value]) => value!.length,
            () => 0,
          );
      await expect.poll(reads, PATIENTLY).toBe(1000);
      await store.close();
      await ceph.kill('mon.a');
      await expect(openRadosBlobs(ceph.url(), options())).rejects.toThrow('no monitor answered within 10 s');
    } finally {
      await ceph.close();
    }
  });
});
