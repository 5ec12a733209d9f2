import { compare } from '../compare.js';
import type { Context } from '../context.js';
import { bucketOf, headersOf, type Mode } from '../modes.js';
import type { Target } from '../presign.js';

const OBJECT_BYTES = 64 * 1024 * 1024;
const MB = 1e6;

const targets = (method: string, mode: Mode, count: number, name: string): Target[] =>
  Array.from({ length: count }, (_, i) => ({
    method,
    path: `/${bucketOf(mode)}/${name}/${i}`,
    headers: headersOf(mode),
  }));

export async function putLarge(context: Context, clients: number): Promise<void> {
  const { client, ceilings, options } = context;
  const perClient = options.quick ? 1 : clients === 1 ? 8 : 2;
  const directory = await context.temporary('blobs');
  await context.withServer({ profile: true }, async ({ port }) => {
    await context.makeBuckets(port);
    await compare(context, {
      row: `64 MiB PUT, ${clients} client${clients > 1 ? 's' : ''}`,
      unit: 'MB/s',
      ceiling: {
        name: 'bare synced blob writes',
        measure: async () =>
          (await ceilings.do({ kind: 'blob-writes', directory, clients, bytesPerClient: perClient * OBJECT_BYTES })) /
          MB,
      },
      async measure(mode, round) {
        const puts = targets('PUT', mode, perClient * clients, `${clients}/${round}`);
        const { seconds, requests } = await client.do({ port, clients, targets: puts, bodyBytes: OBJECT_BYTES });
        return (requests * OBJECT_BYTES) / MB / seconds;
      },
      floor: 0.5,
      floorFor: ['SSE-KMS'],
    });
  });
}

export async function getLarge(context: Context, clients: number): Promise<void> {
  const { client, ceilings, options } = context;
  const stored = Math.max(2, clients);
  const times = options.quick ? 1 : clients === 1 ? 8 : 4;
  const directory = await context.temporary('server');
  await context.withServer({ directory }, async ({ port }) => {
    await context.makeBuckets(port);
    for (const mode of options.modes) {
      await client.do({ port, clients: 2, targets: targets('PUT', mode, stored, 'read'), bodyBytes: OBJECT_BYTES });
    }
  });
  await context.withServer({ directory, profile: true }, async ({ port }) => {
    await compare(context, {
      row: `64 MiB GET, ${clients} client${clients > 1 ? 's' : ''}`,
      unit: 'MB/s',
      ceiling: {
        name: 'AES-256-GCM, one core',
        measure: async () => (await ceilings.do({ kind: 'aes-gcm-open', seconds: 1 })) / MB,
      },
      async measure(mode) {
        const gets = Array.from({ length: times }, () => targets('GET', mode, stored, 'read')).flat();
        const { seconds, requests, receivedBytes } = await client.do({ port, clients, targets: gets });
        if (receivedBytes !== requests * OBJECT_BYTES) throw new Error(`${receivedBytes} bytes came`);
        return receivedBytes / MB / seconds;
      },
      floor: 0.35,
      floorFor: ['SSE-KMS'],
    });
  });
}
