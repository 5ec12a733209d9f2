import { compare } from '../compare.js';
import type { Context } from '../context.js';
import { bucketOf, headersOf, MODES, type Mode } from '../modes.js';
import type { Target } from '../presign.js';

const CLIENTS = 32;
const BODY_BYTES = 4096;
/** As the rows of such an object are in `meta`: the sealed record, and the body with salt, commitment and tag. */
const RECORD_ROW_BYTES = 900;
const BODY_ROW_BYTES = BODY_BYTES + 24 + 32 + 16;

const targets = (method: string, mode: Mode, count: number, name: (i: number) => string): Target[] =>
  Array.from({ length: count }, (_, i) => ({
    method,
    path: `/${bucketOf(mode)}/${name(i)}`,
    headers: headersOf(mode),
  }));

export async function putSmall(context: Context): Promise<void> {
  const { client, ceilings, options } = context;
  const count = options.quick ? 500 : 10_000;
  const directory = await context.temporary('meta');
  await context.withServer({ profile: true }, async ({ port }) => {
    await context.makeBuckets(port);
    await compare(context, {
      row: `4 KiB PUT, ${CLIENTS} clients`,
      unit: 'requests/s',
      ceiling: {
        name: 'bare grouped synced commits',
        measure: () =>
          ceilings.do({
            kind: 'commits',
            directory,
            clients: CLIENTS,
            count,
            recordBytes: RECORD_ROW_BYTES,
            bodyBytes: BODY_ROW_BYTES,
          }),
      },
      async measure(mode, round) {
        const puts = targets('PUT', mode, count, (i) => `put/${round}/${i}`);
        const result = await client.do({ port, clients: CLIENTS, targets: puts, bodyBytes: BODY_BYTES });
        return result.requests / result.seconds;
      },
      floor: 0.4,
      floorFor: ['SSE-KMS'],
    });
  });
}

export async function readSmall(context: Context, method: 'GET' | 'HEAD'): Promise<void> {
  const { client, options } = context;
  const stored = options.quick ? 200 : 2000;
  const count = options.quick ? 1000 : 20_000;
  const directory = await context.temporary('server');
  const name = (i: number): string => `read/${i % stored}`;
  await context.withServer({ directory }, async ({ port }) => {
    await context.makeBuckets(port);
    for (const mode of options.modes) {
      const puts = targets('PUT', mode, stored, name);
      await client.do({ port, clients: CLIENTS, targets: puts, bodyBytes: BODY_BYTES });
    }
  });
  const empty = await context.emptyHttp();
  try {
    await context.withServer({ directory, profile: true }, async ({ port }) => {
      const rate = async (to: number, mode: Mode): Promise<number> => {
        const { requests, seconds } = await client.do({
          port: to,
          clients: CLIENTS,
          targets: targets(method, mode, count, name),
        });
        return requests / seconds;
      };
      await compare(context, {
        row: `4 KiB ${method}, ${CLIENTS} clients`,
        unit: 'requests/s',
        ceiling: { name: 'empty node:http', measure: () => rate(empty.port, 'SSE-KMS') },
        measure: (mode) => rate(port, mode),
        floor: 0.1,
        floorFor: MODES,
      });
    });
  } finally {
    empty.stop();
  }
}
