import { afterEach, expect } from 'vitest';
import type { EngineOptions } from '../../../src/store/engines.js';
import { openPostgres, type PostgresStore } from '../../../src/store/postgres/open.js';
import { CuttingProxy } from '../../support/cutting-proxy.js';
import { freshSchema, type PostgresServer, sharedPostgres } from '../../support/postgres.js';

export const b = (text: string): Buffer => Buffer.from(text);
export const put = (key: string, value = key) => ({ key: b(key), value: b(value) });
export const named = (name: string) => expect.objectContaining({ name });
/** Waits as long as it takes on a slow machine. */
export const PATIENT = '&patience_ms=600000&timeout_ms=600000&resolve_ms=600000';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** After the test, the last one first. */
export const afterwards = (cleanup: () => Promise<unknown>): void => void cleanups.push(cleanup);

export interface Opened {
  server: PostgresServer;
  proxy: CuttingProxy;
  schema: string;
  store: PostgresStore;
  troubles: string[];
  valueAt(key: string): Promise<string | undefined>;
}

/** A store of its own behind a proxy. */
export async function openedBehindProxy(parameters = PATIENT, schema = freshSchema()): Promise<Opened> {
  const server = await sharedPostgres();
  const proxy = await CuttingProxy.start(server.port);
  const troubles: string[] = [];
  const url = server.url(schema, { port: proxy.port }) + parameters;
  const opened = async () => openPostgres(url, options({ onTrouble: (line) => troubles.push(line) }));
  const store = await eventually(opened);
  afterwards(async () => {
    proxy.goOn();
    await store.close();
    await proxy.close();
  });
  const valueAt = async (key: string) => (await store.meta.get(b(key)))?.value.toString();
  return { server, proxy, schema, store, troubles, valueAt };
}

export const options = (more: Partial<EngineOptions> = {}): EngineOptions => ({
  onTrouble() {},
  graceMs: 7_200_000,
  password: undefined,
  ...more,
});

/** As often as it takes: with little patience a slow machine alone is a reason to give up. */
export async function eventually<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if ((error as Error).name !== 'StoreUnavailable') throw error;
    }
  }
}
