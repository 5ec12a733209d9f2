import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { readConfig } from '../../src/config.js';
import type { Engines } from '../../src/gateway/engines.js';
import { openProfile } from '../../src/gateway/profile.js';
import type { EngineOptions } from '../../src/store/engines.js';
import { MemoryBlobStore } from '../../src/store/memory/blob-store.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'coffer-profile-'));
});
afterAll(() => rm(dir, { recursive: true }));

const STORE_ID = '11111111-2222-4333-8444-555555555555';

/** A database in memory that notes how it was opened. */
function inMemory(opened: EngineOptions[] = []): Engines {
  const meta = new MemoryMetaStore(true);
  const blobs = new MemoryBlobStore(1000);
  const memory = async (_: string, options: EngineOptions) => {
    opened.push(options);
    return {
      meta,
      blobs,
      storeId: STORE_ID,
      compactMeta: async () => {},
      trouble: async () => 'host db-7 refused the connection',
      counts: () => ({ connections: { open: 3, idle: 1, waiting: 0, max: 10 }, retries: 4 }),
      close: async () => {},
    };
  };
  return { meta: { memory: async () => memory }, blobs: { bin: async () => async () => new MemoryBlobStore(1) } };
}

const config = (env: Record<string, string>) =>
  readConfig({ HOME: dir, COFFER_DATA_DIR: join(dir, 'data'), COFFER_DISK_RESERVE_MIB: '0', ...env });
const SILENT = { onTrouble: () => {} };
const refusal = async (env: Record<string, string>, engines = inMemory()): Promise<string> => {
  try {
    const { store } = await openProfile(config(env), { ...SILENT, engines });
    await store.close();
    return 'it opens';
  } catch (error) {
    expect((error as Error).name).toBe('ConfigError');
    return (error as Error).message;
  }
};

describe('a profile that can’t work is refused in one line, which holds no secret', () => {
  const META = 'memory://coffer:hunter2@db/coffer?password=hunter3';
  it.each([
    [
      'rows that gateways share, with blobs on one machine',
      { COFFER_META: META, COFFER_BLOBS: 'leveldb' },
      'lies on this machine',
    ],
    ['likewise', { COFFER_META: META, COFFER_BLOBS: 'value-log' }, 'lies on this machine'],
    [
      'shared blobs with rows on one machine',
      { COFFER_BLOBS: 'rados:pool?conf=secret' },
      'COFFER_BLOBS=rados:pool needs COFFER_META',
    ],
    ['likewise in the database', { COFFER_BLOBS: 'postgres' }, 'needs COFFER_META'],
    [
      'an unknown engine',
      { COFFER_META: 'mysql://root:hunter2@db/coffer' },
      'there is no engine mysql: known are embedded, memory:…',
    ],
    [
      'unknown blobs',
      { COFFER_META: META, COFFER_BLOBS: 'ftp://me:hunter2@host/x?key=hunter3' },
      'COFFER_BLOBS=ftp://me@host/x: known are memory, bin:…',
    ],
    ['no URL', { COFFER_META: 'hunter2' }, 'COFFER_META is neither embedded nor a URL'],
    ['two passwords', { COFFER_META: META, COFFER_META_PASSWORD: 'hunter4' }, 'both have a password'],
    ['a password for nothing', { COFFER_META_PASSWORD: 'hunter2' }, 'of no use without COFFER_META'],
  ])('%s', async (_, env, message) => {
    const line = await refusal(env);
    expect(line).toContain(message);
    expect(line).not.toMatch(/hunter|secret|\n/);
  });
});

test('engines get what settings say; gateways over one database see each other and say so, and leave nothing behind', async () => {
  const opened: EngineOptions[] = [];
  const engines = inMemory(opened);
  const settings = config({
    COFFER_META: 'memory://me@db/coffer',
    COFFER_META_PASSWORD: 'hunter2',
    COFFER_READER_GRACE_SECONDS: '60',
  });
  const a = await openProfile(settings, { ...SILENT, engines });
  const b = await openProfile(settings, { ...SILENT, engines });
  expect(opened[0]!.graceMs).toBe(60_000);
  expect(opened[0]!.password!.expose().toString()).toBe('hunter2');
  expect(a.store).toMatchObject({ storeId: STORE_ID, meta: { shared: true } });
  expect(b.leases.counts().gateways).toBe(2);
  expect(await b.leases.hasEnded(a.leases.gateway.id)).toBe(false);
  const lease = (await a.leases.take('work'))!;
  expect(await b.leases.take('work')).toBeUndefined();
  expect(
    await a.within(lease, () => a.store.meta.commit({ puts: [{ key: Buffer.from('x'), value: Buffer.of(1) }] })),
  ).toBe(true);
  expect((await b.store.meta.get(Buffer.from('x')))?.value).toEqual(Buffer.of(1));
  expect(await b.store.trouble()).toBe('the metadata store is not available');
  expect(a.store.counts!()).toMatchObject({
    commits: { outcomes: { conflict: 0, unknown: 0 } },
    engine: { retries: 4 },
  });
  expect(a.store.counts!().commits.outcomes.done).toBeGreaterThanOrEqual(3);
  const { id } = a.leases.gateway;
  await a.store.close();
  expect(await b.leases.hasEnded(id)).toBe(true);
  await b.store.close();
});

test('an empty database is no new store for a root key that has had one', async () => {
  const rootKeyFile = join(dir, 'root.key');
  const env = { COFFER_META: 'memory://me:pw@db/coffer', COFFER_ROOT_KEY_FILE: rootKeyFile };
  const first = await openProfile(config(env), { ...SILENT, engines: inMemory() });
  await first.remember(`${rootKeyFile}.store`);
  await first.store.close();
  // The same one, that came no further at its first start; another id would be another one.
  expect(await refusal(env)).toBe('it opens');
  const others = inMemory();
  const memory = await others.meta.memory!();
  const other: Engines = {
    ...others,
    meta: {
      memory:
        async () =>
        async (...at) => ({ ...(await memory(...at)), storeId: 'another' }),
    },
  };
  expect(await refusal(env, other)).toMatch(
    /^there is no store in memory:\/\/me@db\/coffer, and .*root.key.store says that one was/,
  );
  expect(await refusal({ ...env, COFFER_NEW_STORE: '1' }, other)).toBe('it opens');
});
