import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../../src/base/clock.js';
import { randomId } from '../../src/base/ids.js';
import type { RecordSealer } from '../../src/seal/ports.js';
import { Buckets } from '../../src/store/buckets.js';
import { openStore } from '../../src/store/leveldb/open.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import { type NewVersion, Objects } from '../../src/store/objects.js';
import type { MetaStore } from '../../src/store/ports.js';
import type { BucketRecord, ObjectContent } from '../../src/store/records.js';

/** Seals nothing: what is stored can be looked at. */
export const plain: RecordSealer = {
  seal: (_type, _key, plaintext) => Buffer.from(plaintext),
  open: (_type, _key, sealed) => Buffer.from(sealed),
  openMany: (_type, rows) => rows.map(({ value }) => Buffer.from(value)),
};

export interface Engine {
  meta: MetaStore;
  buckets: Buckets;
  objects: Objects;
  clock: ManualClock;
  close(): Promise<void>;
}

const START_MS = 1_700_000_000_000;

function over(meta: MetaStore, close: () => Promise<void>): Engine {
  const clock = new ManualClock(START_MS);
  const buckets = new Buckets(meta, plain);
  return { meta, buckets, objects: new Objects(meta, plain, buckets, clock), clock, close };
}

/** Both engines, under their names. */
export const ENGINES: readonly (readonly [name: string, open: () => Promise<Engine>])[] = [
  [
    'in memory',
    async () => {
      const meta = new MemoryMetaStore();
      return over(meta, () => meta.close());
    },
  ],
  [
    'on LevelDB',
    async () => {
      const directory = await mkdtemp(join(tmpdir(), 'coffer-versions-'));
      const store = await openStore(directory, { freeSpaceFloorBytes: 0, reclaim: { enabled: false } });
      return over(store.meta, async () => {
        await store.close();
        await rm(directory, { recursive: true, force: true });
      });
    },
  ],
];

export const bucketRecord = (name: string, extra: Partial<BucketRecord> = {}): BucketRecord => ({
  bucketId: randomId().toString('hex'),
  name,
  ownerAccountId: '111111111111',
  createdMs: 0,
  locationConstraint: '',
  encryption: { algorithm: 'AES256', bucketKeyEnabled: false, blockSseC: false, explicit: false },
  ...extra,
});

export const newVersion = (extra: Partial<ObjectContent> = {}): NewVersion => ({
  objectId: randomId().toString('hex'),
  ownerAccountId: '111111111111',
  content: {
    size: 1,
    etag: 'etag',
    storageClass: 'STANDARD',
    system: {},
    metadata: {},
    encryption: { mode: 'SSE-S3' },
    body: { partId: randomId().toString('hex'), size: 1, inline: true as const, chunkBytes: 16384 },
    ...extra,
  },
});
