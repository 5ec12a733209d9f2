import type { Context } from '../context.js';
import type { Job, JobResult } from '../job.js';
import { bucketOf } from '../modes.js';
import { Worker } from '../worker.js';

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

  const both = await peakOf(context, clients, clients, many * MiB, clients);
  context.add({
    row: `RssAnon, the same beside ${clients} readers of 64 MiB`,
    mode: 'SSE-KMS',
    measured: both,
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

/** MB. `readers`: clients that read meanwhile. */
async function peakOf(
  context: Context,
  clients: number,
  count: number,
  bodyBytes: number,
  readers = 0,
): Promise<number> {
  return context.withServer({}, async (server) => {
    await context.makeBuckets(server.port);
    const targets = Array.from({ length: count }, (_, i) => ({ method: 'PUT', path: `/${bucketOf('SSE-KMS')}/${i}` }));
    const { port } = server;
    const put = () => context.client.do({ port, clients, targets, bodyBytes });
    const work = readers === 0 ? put : () => beside(context, port, readers, put);
    return (await server.peakDuring(work)) / MB;
  });
}

async function beside(context: Context, port: number, readers: number, work: () => Promise<unknown>): Promise<void> {
  const path = `/${bucketOf('SSE-KMS')}/read`;
  await context.client.do({ port, clients: 1, targets: [{ method: 'PUT', path }], bodyBytes: 64 * MiB });
  const other = new Worker<Job, JobResult>('client.ts');
  try {
    const targets = Array.from({ length: 4 * readers }, () => ({ method: 'GET', path }));
    await Promise.all([work(), other.do({ port, clients: readers, targets })]);
  } finally {
    other.stop();
  }
}
