import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { compare } from '../compare.js';
import type { Context } from '../context.js';
import { bucketOf, headersOf, MODES, type Mode } from '../modes.js';
import type { Target } from '../presign.js';

const PAGE_KEYS = 1000;
const FILL_CLIENTS = 32;
const name = (i: number): string => `list/${String(i).padStart(8, '0')}`;

/** Lists through the server; the ceiling walks a copy of the same data directory. */
export async function list(context: Context): Promise<void> {
  const { client, ceilings, options } = context;
  const keys = options.quick ? 3000 : 100_000;
  const directory = await context.temporary('server');
  const dataDir = await context.withServer({ directory }, async (server) => {
    await context.makeBuckets(server.port);
    for (const mode of options.modes) await fill(context, server.port, mode, keys);
    return server.dataDir;
  });
  const copy = join(await context.temporary('copy'), 'data');
  await cp(dataDir, copy, { recursive: true });
  const pages = keys / PAGE_KEYS;
  await context.withServer({ directory, profile: true }, async ({ port }) => {
    await compare(context, {
      row: `list ${PAGE_KEYS.toLocaleString('en')} of ${keys.toLocaleString('en')} keys`,
      unit: 'keys/s',
      ceiling: {
        name: 'bare iteration',
        measure: () => ceilings.do({ kind: 'iteration', directory: copy, prefix: 'c/', pages }),
      },
      async measure(mode) {
        const targets = Array.from({ length: pages }, (_, page): Target => {
          const after: Record<string, string> = page === 0 ? {} : { 'start-after': name(page * PAGE_KEYS - 1) };
          return { method: 'GET', path: `/${bucketOf(mode)}`, query: { 'list-type': '2', ...after } };
        });
        const { seconds } = await client.do({ port, clients: 1, targets });
        return keys / seconds;
      },
      floor: 0.15,
      floorFor: MODES,
    });
  });
}

async function fill(context: Context, port: number, mode: Mode, keys: number): Promise<void> {
  const targets = Array.from({ length: keys }, (_, i) => ({
    method: 'PUT',
    path: `/${bucketOf(mode)}/${name(i)}`,
    headers: headersOf(mode),
  }));
  await context.client.do({ port, clients: FILL_CLIENTS, targets });
}
