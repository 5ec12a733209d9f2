import type { CeilingTask } from '../ceilings/tasks.js';
import type { Context } from '../context.js';
import { median } from '../table.js';

const MB = 1e6;

/** What one core, and the bare engine, can do at most. */
export async function parts(context: Context): Promise<void> {
  const { ceilings, options } = context;
  const directory = await context.temporary('blobs');
  const bytesPerClient = (options.quick ? 64 : 512) * 1024 * 1024;
  const seconds = options.quick ? 0.3 : 1;
  await ceilings.do({ kind: 'blob-writes', directory, clients: 1, bytesPerClient });
  const tasks: [string, CeilingTask][] = [
    ['AES-256-GCM seal, 16 KiB, one core', { kind: 'aes-gcm-seal', seconds }],
    ['AES-256-GCM open, 16 KiB, one core', { kind: 'aes-gcm-open', seconds }],
    ['MD5, one core', { kind: 'md5', seconds }],
    ['SHA-256, one core', { kind: 'sha256', seconds }],
    ['bare blob reads, 1 client', { kind: 'blob-reads', directory, clients: 1 }],
  ];
  for (const [row, task] of tasks) {
    const rates: number[] = [];
    for (let round = 0; round < options.rounds; round++) rates.push((await ceilings.do(task)) / MB);
    context.add({ row, measured: median(rates), unit: 'MB/s', against: undefined });
  }
}
