/** Writes fixtures/vectors/segment.json from a segment that a store has written. Run by hand: `npx tsx test/second-reader/make-segment-vectors.ts`. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { reverseKey, segmentKey } from '../../src/store/leveldb/blob-keys.js';
import { openStore } from '../../src/store/leveldb/open.js';

const directory = await mkdtemp(join(tmpdir(), 'coffer-vectors-'));
const store = await openStore(directory, { freeSpaceFloorBytes: 0, valueLogFromBytes: 0, reclaim: { enabled: false } });
const runs: { first: number; owner: string; lengths: number[]; sha256: string; deleted: boolean }[] = [];
for (const [i, lengths] of [[5000], [1, 0, 4000, 300], [20], [4096]].entries()) {
  const owner = randomBytes(16);
  const values = lengths.map((length) => randomBytes(length));
  const run = await store.blobs.put(owner, values, 0);
  // Room that nobody came back to.
  if (i === 1) await (await store.blobs.reserve!(owner, [9000])).abandon();
  if (i === 2) await store.blobs.delete(owner, [run]);
  const sha256 = createHash('sha256').update(Buffer.concat(values)).digest('hex');
  runs.push({ first: run.first, owner: owner.toString('hex'), lengths, sha256, deleted: i === 2 });
}
await store.close();
const [name] = (await readdir(join(directory, 'segments'))).filter((file) => file.endsWith('.seg'));
const bytes = await readFile(join(directory, 'segments', name!));
const blob = new Level<Buffer, Buffer>(join(directory, 'blob'), { keyEncoding: 'buffer', valueEncoding: 'buffer' });
const row = async (key: Buffer): Promise<string | undefined> => (await blob.get(key))?.toString('hex');
const segment = Number.parseInt(name!, 16);
const vectors = {
  storeId: store.storeId,
  segment,
  segmentRow: await row(segmentKey(segment)),
  runs: await Promise.all(runs.map(async (run) => ({ ...run, row: await row(reverseKey(run.first)) }))),
  bytes: bytes.toString('base64'),
};
await blob.close();
await rm(directory, { recursive: true });
const target = new URL('../../fixtures/vectors/segment.json', import.meta.url);
await writeFile(target, `${JSON.stringify(vectors, null, 1)}\n`);
