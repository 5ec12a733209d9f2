import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../context.js';
import type { Target } from '../presign.js';
import type { ServerProcess } from '../server-process.js';

const MiB = 1024 * 1024;
const MB = 1e6;
const SAMPLE_MS = 100;
/** What deleting may hold beyond what the server held before: fixed, however much is deleted. */
const DELETING_MB = 200;
const TWICE = 2;
const MINUTE = 60;

/** Space on the disk that overwrites may take, and how soon it is given back when all is deleted. */
export async function overwrites(context: Context): Promise<void> {
  const [objects, rounds] = context.options.quick ? [64, 3] : [256, 8];
  await context.withServer({}, async (server) => {
    const bodyBytes = 4 * MiB;
    const live = objects * bodyBytes;
    const send = (method: string, key = (i: number) => i) =>
      context.client.do({
        port: server.port,
        clients: 4,
        targets: Array.from({ length: objects }, (_, i): Target => ({ method, path: `/space/${key(i)}` })),
        ...(method === 'PUT' && { bodyBytes }),
      });
    await context.client.do({ port: server.port, clients: 1, targets: [{ method: 'PUT', path: '/space' }] });
    await send('PUT');
    const peak = await largestDuring(server, async () => {
      // Not in the order in which they were written.
      for (let round = 0; round < rounds; round++) await send('PUT', (i) => (i * 7 + round) % objects);
    });
    context.add({
      row: `bytes on disk while ${objects} objects of 4 MiB are overwritten ${rounds} times, the most`,
      unit: 'MB',
      measured: peak / MB,
      against: { name: 'live', value: live / MB },
      floor: TWICE,
      below: true,
    });
    await send('DELETE');
    const startedAt = Date.now();
    while ((await storedBytes(server)) > live / 100 && Date.now() - startedAt < 10 * MINUTE * 1000) await pause();
    context.add({
      row: 'until a hundredth of it is left, after all were deleted',
      unit: 's',
      measured: (Date.now() - startedAt) / 1000,
      against: { name: 'limit', value: MINUTE },
      floor: 1,
      below: true,
    });
  });
}

/** Memory that deletions may take, however many they are and wherever. */
export async function deletions(context: Context): Promise<void> {
  const [buckets, objects] = context.options.quick ? [60, 400] : [600, 4000];
  await context.withServer({}, async (server) => {
    const { port } = server;
    const bucket = (i: number): string => `/bucket-${i % buckets}`;
    const made = Array.from({ length: buckets }, (_, i): Target => ({ method: 'PUT', path: bucket(i) }));
    await context.client.do({ port, clients: 8, targets: made });
    const targets = (method: string) =>
      Array.from({ length: objects }, (_, i): Target => ({ method, path: `${bucket(i)}/${i}` }));
    await context.client.do({ port, clients: 8, targets: targets('PUT'), bodyBytes: 256 * 1024 });
    const before = server.rssAnonBytes();
    const peak = await server.peakDuring(async () => {
      await context.client.do({ port, clients: 32, targets: targets('DELETE') });
      // The sweeper and the compactions behind it.
      while ((await storedBytes(server)) > 10 * MB) await pause();
    });
    context.add({
      row: `RssAnon beyond ${Math.round(before / MB)} MB, ${objects} objects of 256 KiB deleted in ${buckets} buckets`,
      unit: 'MB',
      measured: Math.max(0, peak - before) / MB,
      against: { name: 'limit', value: DELETING_MB },
      floor: 1,
      below: true,
    });
  });
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));

async function largestDuring(server: ServerProcess, work: () => Promise<unknown>): Promise<number> {
  let largest = 0;
  let done = false;
  const sampling = (async () => {
    while (!done) {
      largest = Math.max(largest, await storedBytes(server));
      await pause();
    }
  })();
  try {
    await work();
  } finally {
    done = true;
    await sampling;
  }
  return largest;
}

/** Of all files in the data directory. */
async function storedBytes({ dataDir }: ServerProcess): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(dataDir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    bytes += await stat(join(entry.parentPath, entry.name)).then(
      ({ size }) => size,
      () => 0,
    );
  }
  return bytes;
}
