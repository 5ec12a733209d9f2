/**
 * Run as a process of its own, to be killed: commits rows `k/<n>` with a blob each and prints `n` once the commit is
 * acknowledged. Arguments: data directory, bytes of a blob, where large ones go.
 */
import { writeSync } from 'node:fs';
import { openStore, type StoreOptions } from '../../src/store/leveldb/open.js';

const [directory = '', bytes = '1000', blobs] = process.argv.slice(2);
const store = await openStore(directory, {
  freeSpaceFloorBytes: 0,
  blobs: blobs as NonNullable<StoreOptions['blobs']>,
});
const owner = Buffer.alloc(16, 1);
for (let n = 0; ; n++) {
  const run = await store.blobs.put(owner, [Buffer.alloc(Number(bytes), n)], 0);
  const value = Buffer.from(JSON.stringify({ n, ...run }));
  await store.meta.commit({ puts: [{ key: Buffer.from(`k/${n}`), value }] });
  writeSync(1, `${n}\n`);
}
