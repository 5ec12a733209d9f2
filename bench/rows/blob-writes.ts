import type { Context } from '../context.js';
import { median } from '../table.js';

const CLIENTS = 8;
const MB = 1e6;
const MiB = 1024 * 1024;
const PLACES = ['value-log', 'leveldb'] as const;
/** Of the CPU time that LevelDB takes for the same bytes. */
const CPU_SHARE = 0.5;

/** The bare engine, 4 MiB a put: the value log beside LevelDB alone, in MB/s and in CPU seconds. */
export async function blobWrites(context: Context): Promise<void> {
  const { ceilings, options } = context;
  const bytesPerClient = (options.quick ? 8 : 64) * MiB;
  const rates = { 'value-log': [] as number[], leveldb: [] as number[] };
  const cpu = { 'value-log': [] as number[], leveldb: [] as number[] };
  for (let round = options.quick ? 0 : -1; round < options.rounds; round++) {
    for (const blobs of round % 2 === 0 ? PLACES : [...PLACES].reverse()) {
      const directory = await context.temporary(blobs);
      const rate = await ceilings.do({ kind: 'blob-writes', directory, clients: CLIENTS, bytesPerClient, blobs });
      const seconds = await ceilings.do({ kind: 'blob-writes-cpu', directory });
      if (round < 0) continue;
      rates[blobs].push(rate / MB);
      cpu[blobs].push(seconds);
    }
  }
  const add = (row: string, unit: string, { 'value-log': log, leveldb }: typeof rates, more = {}): void =>
    context.add({
      row,
      unit,
      measured: median(log),
      against: { name: 'LevelDB alone', value: median(leveldb) },
      ratio: median(log.map((value, i) => value / leveldb[i]!)),
      ...more,
    });
  add('bare blob writes to the value log', 'MB/s', rates, { floor: 1 });
  add('bare blob writes to the value log', 'CPU s/GiB', cpu, { floor: CPU_SHARE, below: true });
}
