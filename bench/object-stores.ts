/**
 * `npx tsx bench/object-stores.ts s3://bucket?… | rados:pool?…`: what the engine for blobs costs by itself, without a gateway: runs
 * of 4 MiB, four at once, put, read in pieces of 1 MiB, deleted. CPU is this process's, of all its threads.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { ENGINES, schemeOf } from '../src/gateway/engines.js';
import type { Run } from '../src/store/ports.js';

const RUNS = 64;
const AT_ONCE = 4;
const VALUES = 8;
const VALUE_BYTES = 512 * 1024;
const SMALL_BYTES = 64 * 1024;
const SMALL_RUNS = 200;
const MIB = (RUNS * VALUES * VALUE_BYTES) / 1024 ** 2;

const url = process.argv[2] ?? '';
const load = ENGINES.blobs[schemeOf(url)];
if (!load) throw new Error('a place of blobs is wanted, as COFFER_BLOBS takes it');
const store = await (await load())(url, {
  onTrouble: () => {},
  graceMs: 900_000,
  password: undefined,
  storeId: process.argv[3] ?? randomUUID(),
});
const owner = randomBytes(16);
const values = Array.from({ length: VALUES }, () => randomBytes(VALUE_BYTES));
const runs = Array.from({ length: RUNS }, (_, i): Run => ({ first: i * VALUES, count: VALUES }));

async function measure(name: string, work: (run: Run) => Promise<unknown>): Promise<void> {
  const cpu = process.cpuUsage();
  const since = performance.now();
  const rest = runs.values();
  const some = async () => {
    for (const run of rest) await work(run);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, some));
  const seconds = (performance.now() - since) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const perGiB = (user + system) / 1e6 / (MIB / 1024);
  process.stdout.write(
    `${name.padEnd(8)}${(MIB / seconds).toFixed(0).padStart(6)} MiB/s${perGiB.toFixed(2).padStart(8)} CPU s/GiB\n`,
  );
}

await measure('put', (run) => store.put(owner, values, run.first));
await measure('read', async (run) => {
  const snapshot = store.snapshot();
  for (let from = 0; from < VALUES; from += 2) await snapshot.read(owner, run, from, 2);
  await snapshot.close();
});
await measure('delete', (run) => store.delete(owner, [run]));

const small = [randomBytes(SMALL_BYTES)];
const since = performance.now();
const cpu = process.cpuUsage();
for (let i = 0; i < SMALL_RUNS; i++) await store.put(owner, small, i);
const { user, system } = process.cpuUsage(cpu);
const each = (performance.now() - since) / SMALL_RUNS;
process.stdout.write(
  `64 KiB, one by one: ${each.toFixed(2)} ms, ${((user + system) / 1000 / SMALL_RUNS).toFixed(2)} CPU ms each\n`,
);
for (let i = 0; i < SMALL_RUNS; i++) await store.delete(owner, [{ first: i, count: 1 }]);
await store.close();
