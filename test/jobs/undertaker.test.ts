import { randomBytes } from 'node:crypto';
import { beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.js';
import { randomId } from '../../src/base/ids.js';
import { Sweeper } from '../../src/jobs/sweeper.js';
import { Undertaker } from '../../src/jobs/undertaker.js';
import { Buckets } from '../../src/store/buckets.js';
import { FencedMeta } from '../../src/store/fenced-meta.js';
import { Intents } from '../../src/store/intents.js';
import { TAG, under } from '../../src/store/keys.js';
import type { Leases } from '../../src/store/leases.js';
import { LocalLeases } from '../../src/store/local-leases.js';
import { Manifests } from '../../src/store/manifest.js';
import { MemoryBlobStore } from '../../src/store/memory/blob-store.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import { Objects } from '../../src/store/objects.js';
import type { BlobStore, MetaStore } from '../../src/store/ports.js';
import { SharedLeases } from '../../src/store/shared-leases.js';
import { CommitBuilder } from '../../src/store/table.js';
import { Uploads } from '../../src/store/uploads.js';
import { bucketRecord, plain } from '../versions/engines.js';

const GRACE_MS = 900_000;
const LOST = expect.objectContaining({ name: 'LeaseLost' });
const clock = new ManualClock(1_700_000_000_000);

let nowMs: number;
let database: MemoryMetaStore;
let blobs: BlobStore;
beforeEach(() => {
  nowMs = 0;
  database = new MemoryMetaStore(true);
  blobs = new MemoryBlobStore(GRACE_MS);
});

function worldOf(meta: MetaStore, blobs: BlobStore, leases: Leases) {
  const buckets = new Buckets(meta, plain, leases);
  const intents = new Intents(meta, blobs, plain, leases);
  const undertaker = new Undertaker({ meta, blobs, intents, buckets, leases, nowMs: () => nowMs });
  return { meta, leases, buckets, intents, undertaker };
}

async function gateway() {
  const leases = await SharedLeases.open({ meta: database, nowMs: () => nowMs, onTrouble: () => {} });
  return { ...worldOf(new FencedMeta(database), blobs, leases), leases };
}

async function pass(ms: number, ...alive: { leases: SharedLeases }[]): Promise<void> {
  for (const until = nowMs + ms; nowMs < until; ) {
    nowMs += 3000;
    for (const { leases } of alive) await leases.beat();
  }
}

/** What an upload does before its commit. */
async function begun({ intents }: { intents: Intents }) {
  const partId = randomId();
  const intent = await intents.declare(partId);
  await blobs.put(partId, [randomBytes(10)], 0);
  return intent;
}

const count = async (entries: AsyncIterable<unknown>): Promise<number> => {
  let found = 0;
  for await (const _ of entries) found++;
  return found;
};
const left = async () => ({
  runs: await count(blobs.list()),
  intents: (await database.range({ ...under(TAG.intent), limit: 100, keysOnly: true })).length,
});

test('what a dead gateway had begun is cleared away, late writes included; what lives is left alone', async () => {
  const [a, b] = [await gateway(), await gateway()];
  await begun(a);
  await begun(a);
  const mine = await begun(b);
  await pass(9000, a, b);
  await b.undertaker.run();
  expect(await left()).toEqual({ runs: 3, intents: 3 });
  // `a` is gone.
  await pass(30_000, b);
  await b.undertaker.run();
  expect(await b.leases.hasEnded(a.leases.gateway.id)).toBe(true);
  // Something of it may still be on its way.
  expect(await left()).toEqual({ runs: 3, intents: 3 });
  await pass(GRACE_MS, b);
  await b.undertaker.run();
  expect(await left()).toEqual({ runs: 1, intents: 1 });
  const commit = new CommitBuilder();
  mine.fulfil(commit);
  expect(await b.meta.commit(commit.build())).toBe(true);
});

test('an upload of a gateway that was taken for dead and lives fails at its commit, before anything of it is deleted', async () => {
  const [a, b] = [await gateway(), await gateway()];
  const upload = await begun(a);
  await pass(30_000, b);
  // It writes nothing more by itself, since it has heard of nobody for too long.
  expect(() => upload.requireHeld()).toThrow(LOST);
  await b.undertaker.run();
  const commit = new CommitBuilder().put({ key: Buffer.from('c/object'), value: Buffer.alloc(1) });
  upload.fulfil(commit);
  await expect(a.meta.commit(commit.build())).rejects.toThrow(LOST);
  expect(await database.get(Buffer.from('c/object'))).toBeUndefined();
  expect(await left()).toEqual({ runs: 1, intents: 1 });
  await expect(a.intents.declare(randomId())).rejects.toThrow(LOST);
  await a.leases.beat();
  // It goes on as another gateway.
  const next = await begun(a);
  await pass(GRACE_MS, a, b);
  await b.undertaker.run();
  expect(await left()).toEqual({ runs: 1, intents: 1 });
  next.requireHeld();
});

test('an upload of a gateway that nobody took for dead commits, however long it was held up', async () => {
  const a = await gateway();
  const upload = await begun(a);
  nowMs += 3_600_000;
  await a.undertaker.run();
  const commit = new CommitBuilder();
  upload.fulfil(commit);
  expect(await a.meta.commit(commit.build())).toBe(true);
});

test('a deletion of a bucket is undone once the gateway that was at it has ended, and not before', async () => {
  const [a, b] = [await gateway(), await gateway()];
  const record = bucketRecord('bucket');
  await a.buckets.create(record);
  await b.undertaker.run();
  const never = new Promise<void>(() => {});
  void a.buckets.remove(record, () => never);
  await expect.poll(() => b.buckets.get('bucket')).toBeUndefined();
  await pass(9000, a, b);
  await b.undertaker.run();
  expect(await b.buckets.get('bucket')).toBeUndefined();
  await pass(30_000, b);
  await b.undertaker.run();
  expect((await b.buckets.get('bucket'))?.record).toEqual(record);
});

test('in a store of one process everything of earlier processes is cleared away at once', async () => {
  blobs = new MemoryBlobStore();
  database = new MemoryMetaStore();
  await begun(worldOf(database, blobs, new LocalLeases()));
  const again = worldOf(database, blobs, new LocalLeases());
  await begun(again);
  await again.undertaker.run();
  expect(await left()).toEqual({ runs: 1, intents: 1 });
});

test('where gateways share blobs, what is dead lies for those who read it, and then goes; without, it goes at once', async () => {
  for (const graceMs of [GRACE_MS, 0]) {
    blobs = new MemoryBlobStore(graceMs);
    const meta = new MemoryMetaStore(true);
    const objects = new Objects(meta, plain, new Buckets(meta, plain), clock);
    const uploads = new Uploads(meta, plain, objects.dead);
    const parts = { meta, blobs, clock, manifests: new Manifests(meta, plain), uploads, dead: objects.dead };
    const bury = async (key?: Buffer) => {
      const owner = randomId();
      const run = await blobs.put(owner, [randomBytes(10)], 0);
      const [row] = objects.dead.ofRuns(randomId(), owner, [run]);
      await meta.commit({ puts: [key ? { key, value: row!.value } : row!] });
    };
    await bury();
    // As rows were named before they had a time: a random one.
    await bury(Buffer.concat([TAG.dead, Buffer.alloc(16, 0x7f)]));
    const runs = () => count(blobs.list());
    await new Sweeper(parts).run();
    expect(await runs()).toBe(graceMs === 0 ? 0 : 1);
    clock.advance(GRACE_MS - 1);
    await new Sweeper(parts).run();
    expect(await runs()).toBe(graceMs === 0 ? 0 : 1);
    clock.advance(2);
    await new Sweeper(parts).run();
    expect(await runs()).toBe(0);
    expect(await meta.range({ ...under(TAG.dead), limit: 10 })).toEqual([]);
  }
});
