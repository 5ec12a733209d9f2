import type { Context } from '../context.js';
import { bucketOf } from '../modes.js';

const MiB = 1024 * 1024;
const MB = 1e6;
const LIMIT_MB = 400;
/** What garbage and allocators may make of the same bytes. */
const GROWTH = 1.25;

/** Peaks of RssAnon, each of a server of its own. */
export async function memory(context: Context): Promise<void> {
  const { quick } = context.options;
  const clients = quick ? 8 : 32;
  const many = quick ? 64 : 256;
  const limit = { name: 'limit', value: LIMIT_MB };
  const peak = await peakOf(context, clients, clients, many * MiB);
  context.add({
    row: `RssAnon, ${clients} uploads of ${many} MiB at once`,
    mode: 'SSE-KMS',
    measured: peak,
    unit: 'MB',
    against: limit,
    floor: 1,
    below: true,
  });

  // The same number of bytes either way: LevelDB's write buffers fill alike, only the size of one object differs.
  const count = quick ? 4 : 16;
  const small = await peakOf(context, 1, count, 64 * MiB);
  const large = await peakOf(context, 1, 1, count * 64 * MiB);
  context.add({
    row: `RssAnon, 1 upload of ${count * 64} MiB`,
    mode: 'SSE-KMS',
    measured: large,
    unit: 'MB',
    against: { name: `${count} of 64 MiB in turn`, value: small },
    floor: GROWTH,
    below: true,
  });
}

/** MB. */
async function peakOf(context: Context, clients: number, count: number, bodyBytes: number): Promise<number> {
  return context.withServer({}, async (server) => {
    await context.makeBuckets(server.port);
    const targets = Array.from({ length: count }, (_, i) => ({ method: 'PUT', path: `/${bucketOf('SSE-KMS')}/${i}` }));
    const work = () => context.client.do({ port: server.port, clients, targets, bodyBytes });
    return (await server.peakDuring(work)) / MB;
  });
}
