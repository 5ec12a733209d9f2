import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';
import { openStore, type Store, type StoreOptions } from '../../src/store/leveldb/open.js';
import { MemoryBlobStore } from '../../src/store/memory/blob-store.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import { openPostgres, type PostgresStore } from '../../src/store/postgres/open.js';
import { freshSchema, lacking, sharedPostgres } from '../support/postgres.js';
import { blobStoreConformance } from './conformance/blob-store.js';
import { metaStoreConformance, type Opened } from './conformance/meta-store.js';

async function inMemory<T extends { close(): Promise<void> }>(store: T): Promise<Opened<T>> {
  return { store, close: () => store.close() };
}

async function onLevel<T>(pick: (store: Store) => T, options: StoreOptions = {}): Promise<Opened<T>> {
  const directory = await mkdtemp(join(tmpdir(), 'coffer-conformance-'));
  const store = await openStore(directory, { freeSpaceFloorBytes: 0, reclaim: { enabled: false }, ...options });
  return {
    store: pick(store),
    async close() {
      await store.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

metaStoreConformance('in memory', () => inMemory(new MemoryMetaStore()));
metaStoreConformance('on LevelDB', () => onLevel((store) => store.meta));
blobStoreConformance('in memory', () => inMemory(new MemoryBlobStore()));
blobStoreConformance('in memory, as gateways share it', () => inMemory(new MemoryBlobStore(60_000)));
const blobsWith = (options: StoreOptions) => () => onLevel((store) => store.blobs, options);
blobStoreConformance('on LevelDB alone', blobsWith({ blobs: 'leveldb' }));
blobStoreConformance('on LevelDB with a value log', blobsWith({}));
blobStoreConformance('on a value log alone', blobsWith({ valueLogFromBytes: 0 }));
blobStoreConformance('on a value log of small segments', blobsWith({ valueLogFromBytes: 5, segmentMinBytes: 600_000 }));

/** One store a mode; each test finds it empty. Making one takes longer than most of the tests. */
async function onPostgres<T extends { close(): Promise<void> }>(
  schema: string,
  mode: string,
  pick: (store: PostgresStore) => T,
): Promise<Opened<T>> {
  const server = await sharedPostgres();
  const url = `${server.url(schema)}&mode=${mode}&pool=8&patience_ms=600000&timeout_ms=600000`;
  const store = await openPostgres(url, { onTrouble() {}, graceMs: 900_000, password: undefined });
  await server.sql(`DELETE FROM ${schema}.meta; DELETE FROM ${schema}.blob_run; DELETE FROM ${schema}.blob_value`);
  return { store: pick(store), close: () => store.close() };
}

describe.skipIf(lacking)(`on PostgreSQL${lacking ? ` (left out: ${lacking})` : ''}`, () => {
  for (const mode of ['locks', 'serializable']) {
    const schema = freshSchema();
    metaStoreConformance(`on PostgreSQL, mode ${mode}`, () => onPostgres(schema, mode, ({ meta }) => meta));
  }
  const schema = freshSchema();
  blobStoreConformance('on PostgreSQL', () => onPostgres(schema, 'locks', ({ blobs }) => blobs));
});
