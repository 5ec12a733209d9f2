import { lacking, PostgresServer } from './postgres.js';

let server: PostgresServer;

/** One PostgreSQL for the whole run. */
export async function setup(): Promise<void> {
  if (lacking) throw new Error(`the cluster can't be tested: ${lacking}`);
  server = await PostgresServer.start({ settings: { max_connections: '1000', shared_buffers: '128MB' } });
  process.env.COFFER_TEST_META = server.url().replace(/\?.*/, '');
}

export const teardown = (): Promise<void> => server.stop();
