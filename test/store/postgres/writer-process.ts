/**
 * Run as a process of its own: adds 1 to the row `n` so many times, each time under a check of what it read, and prints how often
 * it was too late. Arguments: URL, times, writers at once.
 */
import { openPostgres } from '../../../src/store/postgres/open.js';

const [url = '', times = '10', writers = '1'] = process.argv.slice(2);
const store = await openPostgres(url, { onTrouble() {}, graceMs: 7_200_000, password: undefined });
const key = Buffer.from('n');
let late = 0;
await Promise.all(
  Array.from({ length: Number(writers) }, async () => {
    for (let i = 0; i < Number(times); ) {
      const row = (await store.meta.get(key))!;
      const value = Buffer.from(String(Number(row.value) + 1));
      if (await store.meta.commit({ checks: [{ key, revision: row.revision }], puts: [{ key, value }] })) i++;
      else late++;
    }
  }),
);
await store.close();
process.stdout.write(`${late}\n`);
