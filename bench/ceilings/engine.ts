import { randomBytes } from 'node:crypto';
import { afterPrefix, TAG, under } from '../../src/store/keys.js';
import { openStore, type Store, type StoreOptions } from '../../src/store/leveldb/open.js';
import type { Run } from '../../src/store/ports.js';
import type { CeilingTask } from './tasks.js';

type Of<K extends CeilingTask['kind']> = Extract<CeilingTask, { kind: K }>;

const OWNER = randomBytes(16);
const VALUE_BYTES = 512 * 1024;
const BATCH_VALUES = 8;
const BATCHES_UNDER_WAY = 2;
const READ_VALUES = 2;
const PAGE_ROWS = 1000;

/** Stores stay open between tasks, as the server's does between requests. */
const stores = new Map<string, Promise<Store>>();
const written = new Map<string, Run[]>();
const cpuOf = new Map<string, { from: NodeJS.CpuUsage; bytes: number }>();

function storeIn(directory: string, blobs: StoreOptions['blobs'] = 'value-log'): Promise<Store> {
  let store = stores.get(directory);
  if (!store) {
    store = openStore(directory, { blobs });
    stores.set(directory, store);
  }
  return store;
}

/** Synced batches of 4 MiB in values of 512 KiB, drawn from random bytes. Bytes/s. */
export async function blobWrites(task: Of<'blob-writes'>): Promise<number> {
  const { directory, clients, bytesPerClient } = task;
  const { blobs } = await storeIn(directory, task.blobs);
  const pool = randomBytes(16 * 1024 * 1024);
  const runs: Run[] = [];
  cpuOf.set(directory, { from: process.cpuUsage(), bytes: clients * bytesPerClient });
  const batches = bytesPerClient / (VALUE_BYTES * BATCH_VALUES);
  const rate = await timed(clients * bytesPerClient, () =>
    together(clients, async (client) => {
      let next = 0;
      await together(BATCHES_UNDER_WAY, async () => {
        while (next < batches) {
          const i = next++;
          const values = Array.from({ length: BATCH_VALUES }, (_, v) => {
            const at = ((i * BATCH_VALUES + v + client * 7) % 31) * VALUE_BYTES;
            return pool.subarray(at, at + VALUE_BYTES);
          });
          runs.push(await blobs.put(OWNER, values, 0));
        }
      });
    }),
  );
  written.set(directory, runs);
  return rate;
}

/** LevelDB still writes tables when the last put has been acknowledged: so the store is closed first. CPU seconds per GiB. */
export async function blobWritesCpu({ directory }: Of<'blob-writes-cpu'>): Promise<number> {
  const store = await storeIn(directory);
  await store.close();
  stores.delete(directory);
  const { from, bytes } = cpuOf.get(directory)!;
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1e6 / (bytes / 1024 ** 3);
}

/** Reads back what the last `blob-writes` wrote, 1 MiB at a time. Bytes/s. */
export async function blobReads({ directory, clients }: Of<'blob-reads'>): Promise<number> {
  const { blobs } = await storeIn(directory);
  const runs = written.get(directory) ?? [];
  const bytes = runs.reduce((sum, run) => sum + run.count, 0) * VALUE_BYTES;
  return timed(bytes, () =>
    together(clients, async (client) => {
      const snapshot = blobs.snapshot();
      for (let i = client; i < runs.length; i += clients) {
        const run = runs[i]!;
        for (let at = 0; at < run.count; at += READ_VALUES)
          await snapshot.read(OWNER, run, at, Math.min(READ_VALUES, run.count - at));
      }
      await snapshot.close();
    }),
  );
}

/** A record row and a body row each, under fresh keys; the engine groups what comes together. Commits/s. */
export async function commits(task: Of<'commits'>): Promise<number> {
  const { meta } = await storeIn(task.directory);
  const record = randomBytes(task.recordBytes);
  const body = randomBytes(task.bodyBytes);
  let next = 0;
  return timed(task.count, () =>
    together(task.clients, async () => {
      while (next < task.count) {
        next++;
        const name = randomBytes(16);
        const recordKey = Buffer.concat([Buffer.from('c/'), name]);
        const puts = [
          { key: recordKey, value: record },
          { key: Buffer.concat([Buffer.from('i/'), name]), value: body },
        ];
        if (!(await meta.commit({ puts, checks: [{ key: recordKey, revision: 'absent' }] })))
          throw new Error('refused');
      }
    }),
  );
}

/** Rows/s. Starts again at the first row where the last was reached. */
export async function iteration({ directory, prefix, pages }: Of<'iteration'>): Promise<number> {
  const { meta } = await storeIn(directory);
  const { gte, lt } = under(Buffer.from(prefix));
  let from: Buffer = gte;
  let rows = 0;
  const started = performance.now();
  for (let page = 0; page < pages; page++) {
    const found = await meta.range({ gte: from, lt, limit: PAGE_ROWS });
    rows += found.length;
    if (rows === 0) throw new Error(`no rows under ${prefix}`);
    from = found.length < PAGE_ROWS ? gte : Buffer.concat([found.at(-1)!.key, Buffer.of(0)]);
  }
  return rows / ((performance.now() - started) / 1000);
}

/** Jumps/s. */
export async function seeks({ directory, bucketId, prefixBytes }: Of<'seeks'>): Promise<number> {
  const { meta } = await storeIn(directory);
  const start = Buffer.concat([TAG.current, Buffer.from(bucketId, 'hex')]);
  const cursor = meta.cursor(under(start));
  let jumps = 0;
  const started = performance.now();
  for (;;) {
    const [row] = await cursor.next(1);
    if (!row) break;
    cursor.seek(afterPrefix(row.key.subarray(0, start.length + prefixBytes)));
    jumps++;
  }
  const seconds = (performance.now() - started) / 1000;
  await cursor.close();
  return jumps / seconds;
}

async function timed(amount: number, work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return amount / ((performance.now() - started) / 1000);
}

const together = (count: number, work: (i: number) => Promise<unknown>): Promise<unknown> =>
  Promise.all(Array.from({ length: count }, (_, i) => work(i)));
