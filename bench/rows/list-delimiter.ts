import { randomBytes } from 'node:crypto';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { RootSealer } from '../../src/seal/record-sealer.js';
import { loadOrCreateRootKey } from '../../src/seal/root-key.js';
import { bucketKey, currentKey } from '../../src/store/keys.js';
import { openStore } from '../../src/store/leveldb/open.js';
import { BUCKET, OBJECT } from '../../src/store/records.js';
import { CommitBuilder, Table } from '../../src/store/table.js';
import type { Context } from '../context.js';
import { bucketOf } from '../modes.js';
import type { Target } from '../presign.js';
import { median } from '../table.js';

const PAGE_PREFIXES = 1000;
const MODE = 'SSE-S3';
const COMMIT_ROWS = 400;
const COMMITS_AT_ONCE = 8;
const FLOOR = 0.5;
const prefixOf = (i: number): string => `${String(i).padStart(6, '0')}/`;

/** Listing by delimiter through the server; the ceiling jumps from prefix to prefix in a copy of the same data. Modes don't matter. */
export async function listDelimiter(context: Context): Promise<void> {
  const { client, ceilings, options } = context;
  const [prefixes, keysEach] = options.quick ? [2000, 10] : [10_000, 100];
  const directory = await context.temporary('server');
  const dataDir = await context.withServer({ directory }, async (server) => {
    await context.makeBuckets(server.port);
    const targets = [{ method: 'PUT', path: `/${bucketOf(MODE)}/${prefixOf(0)}0` }];
    await client.do({ port: server.port, clients: 1, targets, bodyBytes: 1024 });
    return server.dataDir;
  });
  const bucketId = await fill(directory, dataDir, prefixes, keysEach);
  const copy = join(await context.temporary('copy'), 'data');
  await cp(dataDir, copy, { recursive: true });
  const query = { 'list-type': '2', delimiter: '/' };
  const targets = Array.from({ length: prefixes / PAGE_PREFIXES }, (_, page): Target => {
    const after: Record<string, string> = page === 0 ? {} : { 'start-after': prefixOf(page * PAGE_PREFIXES - 1) };
    return { method: 'GET', path: `/${bucketOf(MODE)}`, query: { ...query, ...after } };
  });
  await context.withServer({ directory, profile: true }, async ({ port }) => {
    const rounds: { top: number; own: number }[] = [];
    for (let round = options.quick ? 0 : -1; round < options.rounds; round++) {
      const top = await ceilings.do({ kind: 'seeks', directory: copy, bucketId, prefixBytes: prefixOf(0).length });
      const { seconds } = await client.do({ port, clients: 1, targets });
      if (round >= 0) rounds.push({ top, own: prefixes / seconds });
    }
    const keys = (prefixes * keysEach).toLocaleString('en');
    context.add({
      row: `list by delimiter, ${keys} keys in ${prefixes.toLocaleString('en')} prefixes`,
      unit: 'prefixes/s',
      measured: median(rounds.map(({ own }) => own)),
      against: { name: 'bare seeks', value: median(rounds.map(({ top }) => top)) },
      ratio: median(rounds.map(({ top, own }) => own / top)),
      floor: FLOOR,
    });
  });
}

/**
 * Rows as the server writes them, each sealed to its own key, without the bodies behind them: a million PUTs would take an hour.
 * @returns the bucket's id, hex
 */
async function fill(directory: string, dataDir: string, prefixes: number, keysEach: number): Promise<string> {
  const rootKey = await loadOrCreateRootKey({ file: join(directory, 'root.key') });
  const sealer = new RootSealer(rootKey);
  const { meta, close } = await opened(dataDir);
  try {
    const { record: bucket } = (await new Table(meta, sealer, BUCKET).get(bucketKey(bucketOf(MODE))))!;
    const id = Buffer.from(bucket.bucketId, 'hex');
    const objects = new Table(meta, sealer, OBJECT);
    const { record } = (await objects.get(currentKey(id, `${prefixOf(0)}0`)))!;
    let next = 0;
    const write = async (): Promise<void> => {
      while (next < prefixes * keysEach) {
        const commit = new CommitBuilder();
        for (; commit.puts.length < COMMIT_ROWS && next < prefixes * keysEach; next++) {
          const key = `${prefixOf(Math.floor(next / keysEach))}${next % keysEach}`;
          commit.put(objects.put(currentKey(id, key), { ...record, objectId: randomBytes(16).toString('hex') }));
        }
        await meta.commit(commit.build());
      }
    };
    await Promise.all(Array.from({ length: COMMITS_AT_ONCE }, write));
    return bucket.bucketId;
  } finally {
    await close();
    rootKey.dispose();
  }
}

async function opened(dataDir: string) {
  const store = await openStore(dataDir, { reclaim: { enabled: false } });
  return { meta: store.meta, close: () => store.close() };
}
