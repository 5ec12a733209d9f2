import { lacking, PostgresServer } from '../test/support/postgres.js';
import { Contestant } from './against/contestant.js';
import { contest, ownEndpoint } from './against/run.js';
import type { Context } from './context.js';

/** Names of schemas: each contest has a store of its own. */
const SCHEMAS = { one: 'one', two: 'two' } as const;

/**
 * `npm run bench -- --profile cluster`: the client's rows on one gateway over PostgreSQL, then on two, each beside the embedded engine
 * in the same run. Database, gateways and client share this machine, so two gateways show what sharing costs rather than what it gives.
 */
export async function runCluster(context: Context): Promise<void> {
  if (lacking !== undefined) throw new Error(lacking);
  const postgres = await PostgresServer.start({ settings: { shared_buffers: '256MB', max_wal_size: '4GB' } });
  try {
    await context.withServer({}, async (embedded) => {
      const peer = new Contestant('embedded', context, [ownEndpoint(embedded.port)], [embedded.child.pid!]);
      const directory = await context.temporary('gateways');
      const gateway = (schema: string) => ({
        directory,
        env: { COFFER_META: postgres.url(schema), COFFER_NEW_STORE: '1' },
      });
      await context.withServer(gateway(SCHEMAS.one), async (one) => {
        const own = new Contestant('one gateway', context, [ownEndpoint(one.port)], [one.child.pid!]);
        await contest(context, [own, peer]);
      });
      await context.withServer(gateway(SCHEMAS.two), async (a) => {
        await context.withServer(gateway(SCHEMAS.two), async (b) => {
          const ends = [ownEndpoint(a.port), ownEndpoint(b.port)];
          await contest(context, [new Contestant('two gateways', context, ends, [a.child.pid!, b.child.pid!]), peer]);
        });
      });
    });
  } finally {
    await postgres.stop();
  }
}
