import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.js';
import { randomId } from '../../src/base/ids.js';
import { Secret } from '../../src/base/secret.js';
import { materialIdReader } from '../../src/encryption/material-id.js';
import type { KeyImpact } from '../../src/encryption/ports.js';
import { readBlobHeader, sealBlob } from '../../src/kms/ciphertext-blob.js';
import { RootSealer } from '../../src/seal/record-sealer.js';
import { RootKey } from '../../src/seal/root-key.js';
import { Xaes } from '../../src/seal/xaes.js';
import { Buckets } from '../../src/store/buckets.js';
import { KeyImpacts } from '../../src/store/key-impact.js';
import { KeyIndex } from '../../src/store/key-index.js';
import { buildKeyIndex, KEY_INDEX_STATE } from '../../src/store/key-index-build.js';
import { bucketIdOf, TAG, under } from '../../src/store/keys.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import { Objects } from '../../src/store/objects.js';
import type { Commit, MetaStore } from '../../src/store/ports.js';
import type { BucketRecord, ObjectContent, VersioningStatus, WrappedKey } from '../../src/store/records.js';
import type { Stored } from '../../src/store/table.js';
import { openTestStore, temporaryDirectory } from './harness.js';

const sealer = new RootSealer(new RootKey(new Secret(Buffer.alloc(32, 7))));
const clock = new ManualClock(1_700_000_000_000);
const materialIdOf = materialIdReader(readBlobHeader);
const index = new KeyIndex(materialIdOf);

const KEY_ID = '134f2428-cec1-4b25-a1ae-9048164dba47';
const KEY_ARN = `arn:aws:kms:us-east-1:111111111111:key/${KEY_ID}`;
const material = (n: number): string => Buffer.alloc(32, n).toString('hex');
const blobUnder = (backingKeyId: string): string =>
  sealBlob(new Xaes(new Secret(Buffer.alloc(32))), { keyId: KEY_ID, backingKeyId }, {}, Buffer.alloc(32)).toString(
    'base64',
  );
const kms = (more: object): WrappedKey => ({ mode: 'SSE-KMS', keyArn: KEY_ARN, context: {}, ...more }) as WrappedKey;

class NothingThere extends Error {}

/** Every way a record can say (or not say) under which backing key it lies. */
const WRAPS: WrappedKey[] = [
  { mode: 'SSE-S3' },
  { mode: 'SSE-C' },
  kms({ keyMaterialId: material(1), encryptedKey: blobUnder(material(1)) }),
  kms({ keyMaterialId: material(2), encryptedKey: 'AAAA', underBucketKey: 'AAAA' }),
  { ...kms({ keyMaterialId: material(1), encryptedKey: 'AAAA' }), mode: 'DSSE-KMS' },
  kms({ encryptedKey: blobUnder(material(1)) }),
  kms({ encryptedKey: 'of another KMS, which does not tell' }),
];

function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}

const content = (encryption: WrappedKey, size: number): ObjectContent => ({
  size,
  etag: 'e',
  storageClass: 'STANDARD',
  system: {},
  metadata: {},
  encryption,
  body: { partId: randomId().toString('hex'), size, inline: true, chunkBytes: 16384 },
});

function storeOver(meta: MetaStore, keyIndex = index) {
  const buckets = new Buckets(meta, sealer);
  const objects = new Objects(meta, sealer, buckets, clock, keyIndex);
  const impacts = new KeyImpacts(meta, buckets) satisfies KeyImpact;
  return { meta, buckets, objects, impacts };
}
type Opened = ReturnType<typeof storeOver>;

async function createBucket({ buckets }: Opened, name: string): Promise<string> {
  const bucketId = randomId().toString('hex');
  const made = await buckets.create({
    bucketId,
    name,
    ownerAccountId: '111111111111',
    createdMs: 0,
    locationConstraint: '',
    encryption: { algorithm: 'AES256', bucketKeyEnabled: false, blockSseC: false, explicit: false },
  });
  expect(made).toBe(true);
  return bucketId;
}

async function put({ buckets, objects }: Opened, bucket: string, key: string, wrap: WrappedKey, size = 1) {
  const version = {
    objectId: randomId().toString('hex'),
    ownerAccountId: '1',
    content: content(wrap, size),
  };
  return objects.put((await buckets.get(bucket))!, key, version);
}

const rowKeys = async (meta: MetaStore): Promise<string[]> =>
  (await meta.range({ ...under(TAG.keyUse), limit: 100_000, keysOnly: true })).map(({ key }) => key.toString('hex'));

/** The index as it has to be, from the records alone. Written without the code under test: materials, ids and sizes. */
async function recomputed({ meta, objects }: Opened): Promise<string[]> {
  const rows: string[] = [];
  for (const tag of [TAG.current, TAG.version]) {
    for await (const { key, record } of objects.table.scan(under(tag))) {
      if (!record.content) continue;
      const { encryption, size } = record.content;
      const id = WRAPS.findIndex((wrap) => JSON.stringify(wrap) === JSON.stringify(encryption));
      const expected = [undefined, undefined, 1, 2, 1, 1, undefined][id];
      if (expected === undefined) continue;
      const sizeHex = size.toString(16).padStart(16, '0');
      rows.push(`782f${material(expected)}${bucketIdOf(key).toString('hex')}${record.objectId}${sizeHex}`);
    }
  }
  expect(meta).toBeDefined();
  return rows.sort();
}

const ENGINES: [string, () => Promise<MetaStore>][] = [
  ['in memory', async () => new MemoryMetaStore()],
  ['on LevelDB', async () => (await openTestStore(await temporaryDirectory())).meta],
];

describe.each(ENGINES)('the index of backing keys %s', (_name, open) => {
  let store: Opened;
  beforeEach(async () => {
    store = storeOver(await open());
  });

  test('is what the records say, after random histories of puts, deletes, replacements, renames and versioning changes, many at once', async () => {
    const next = random(4711);
    await createBucket(store, 'a');
    await createBucket(store, 'b');
    const bucketOf = async () => (await store.buckets.get(next(2) === 0 ? 'a' : 'b'))!;
    let checked = 0;
    let renamed = 0;
    for (let round = 0; round < 120; round++) {
      if (round > 8 && next(3) === 0) {
        const versioning: VersioningStatus = next(2) === 0 ? 'Enabled' : 'Suspended';
        await store.buckets.update(next(2) === 0 ? 'a' : 'b', (record) => ({ ...record, versioning }));
      }
      const steps = Array.from({ length: 8 }, () => step(next(13), `k${next(4)}`, WRAPS[next(WRAPS.length)]!));
      await Promise.all(steps);
      const rows = await rowKeys(store.meta);
      expect(rows).toEqual(await recomputed(store));
      checked += rows.length;
    }
    expect(checked).toBeGreaterThan(500);
    expect(renamed).toBeGreaterThan(40);

    async function step(action: number, key: string, wrap: WrappedKey): Promise<void> {
      const bucket = await bucketOf();
      if (action < 5) await put(store, bucket.record.name, key, wrap, next(1 << 20));
      else if (action < 6) await store.objects.remove(bucket, key, undefined, '1');
      else if (action < 8) await store.objects.remove(bucket, key, await anyVersion(bucket.record.bucketId, key), '1');
      else if (action < 10) {
        await store.objects.replace(bucket, key, undefined, (record) =>
          record.content ? { ...record, content: { ...record.content, encryption: wrap } } : record,
        );
      } else await rename(bucket, key, `k${next(4)}`, next(2) === 0 ? wrap : undefined);
    }

    /** With another wrap, as where the KMS encrypted the data key for the name; or with the one it has. */
    async function rename(bucket: Stored<BucketRecord>, from: string, to: string, wrap: WrappedKey | undefined) {
      if (from === to) return;
      const moved = store.objects.rename(bucket, from, to, (source) => {
        if (!source?.content) throw new NothingThere();
        return wrap ? { ...source, content: { ...source.content, encryption: wrap } } : source;
      });
      await moved.then(
        () => renamed++,
        (error) => {
          if (!(error instanceof NothingThere)) throw error;
        },
      );
    }

    async function anyVersion(bucketId: string, key: string): Promise<string> {
      const found: string[] = [];
      for (const tag of [TAG.current, TAG.version]) {
        const prefix = under(Buffer.concat([tag, Buffer.from(bucketId, 'hex'), Buffer.from(key)]));
        for await (const { record } of store.objects.table.scan(prefix)) found.push(record.versionId);
      }
      return found[next(Math.max(1, found.length))] ?? 'null';
    }
  });

  test('keeps one row when a record is replaced under the same backing key, and moves it under another', async () => {
    await createBucket(store, 'a');
    await put(store, 'a', 'k', WRAPS[2]!, 5);
    const change = async (wrap: WrappedKey) =>
      store.objects.replace((await store.buckets.get('a'))!, 'k', undefined, (record) => ({
        ...record,
        content: { ...record.content!, encryption: wrap },
      }));
    const before = await rowKeys(store.meta);
    await change(WRAPS[5]!);
    expect(await rowKeys(store.meta)).toEqual(before);
    await change(WRAPS[3]!);
    expect(await store.impacts.of([material(1)])).toEqual({ objects: 0, bytes: 0, buckets: [] });
    expect(await store.impacts.of([material(2)])).toMatchObject({ objects: 1, bytes: 5 });
    await change(WRAPS[0]!);
    expect(await rowKeys(store.meta)).toEqual([]);
  });

  test('answers count and bytes by bucket, over pages, and counts no version twice', async () => {
    await createBucket(store, 'b-two');
    await createBucket(store, 'a-one');
    for (let i = 0; i < 3; i++) await put(store, 'b-two', `k${i}`, WRAPS[2]!, 2 ** 33);
    await put(store, 'a-one', 'k', WRAPS[3]!, 7);
    await put(store, 'a-one', 'free', WRAPS[0]!, 7);
    // More rows than a page, of a bucket that isn't there: it counts for nothing.
    const gone = randomId();
    for (let i = 0; i < 6; i++) {
      const puts = Array.from({ length: 400 }, () => ({
        key: Buffer.concat([TAG.keyUse, Buffer.alloc(32, 1), gone, randomId(), Buffer.alloc(8, 0)]),
        value: Buffer.alloc(0),
      }));
      await store.meta.commit({ puts });
    }
    expect(await store.impacts.of([material(2), material(1), material(1), material(3)])).toEqual({
      objects: 4,
      bytes: 3 * 2 ** 33 + 7,
      buckets: [
        { bucket: 'a-one', objects: 1, bytes: 7 },
        { bucket: 'b-two', objects: 3, bytes: 3 * 2 ** 33 },
      ],
    });
    const raw = await store.impacts.impactOf([material(1)]);
    expect(raw.find((one) => one.bucketId === gone.toString('hex'))).toEqual({
      bucketId: gone.toString('hex'),
      objects: 2400,
      bytes: 0,
    });
    expect(await store.impacts.impactOf([])).toEqual([]);
    await expect(store.impacts.impactOf(['ab'])).rejects.toThrow(RangeError);
  });

  test('counts one moment: what is written and deleted while it counts changes nothing', async () => {
    await createBucket(store, 'a');
    for (let i = 0; i < 40; i++) await put(store, 'a', `k${i}`, WRAPS[i % 2 === 0 ? 2 : 3]!, 1);
    const counting = store.impacts.of([material(1), material(2)]);
    const bucket = (await store.buckets.get('a'))!;
    await Promise.all([
      ...Array.from({ length: 20 }, (_, i) => store.objects.remove(bucket, `k${i}`, undefined, '1')),
      ...Array.from({ length: 20 }, (_, i) => put(store, 'a', `new${i}`, WRAPS[2]!, 1)),
    ]);
    expect(await counting).toMatchObject({ objects: 40, bytes: 40 });
    expect(await store.impacts.of([material(1), material(2)])).toMatchObject({ objects: 40 });
  });
});

describe('commits that fail', () => {
  test('leave no trace in the index, and one that wins a race on the second attempt leaves one row', async () => {
    const meta = new MemoryMetaStore();
    const store = storeOver(meta);
    await createBucket(store, 'a');
    await put(store, 'a', 'k', WRAPS[2]!);
    const before = await rowKeys(meta);
    const real = meta.commit.bind(meta);
    meta.commit = async () => {
      throw new Error('disk full');
    };
    await expect(put(store, 'a', 'k', WRAPS[3]!)).rejects.toThrow('disk full');
    await expect(store.objects.remove((await store.buckets.get('a'))!, 'k', undefined, '1')).rejects.toThrow();
    expect(await rowKeys(meta)).toEqual(before);
    let refused = 0;
    meta.commit = async (commit: Commit) => (refused++ < 3 ? false : real(commit));
    await put(store, 'a', 'k', WRAPS[3]!);
    meta.commit = real;
    expect(await rowKeys(meta)).toEqual(await recomputed(store));
    expect(await rowKeys(meta)).toHaveLength(1);
  });
});

describe('an index for a store that has none', () => {
  const without = new KeyIndex(() => undefined);
  let meta: MemoryMetaStore;
  let old: Opened;
  let store: Opened;
  beforeEach(async () => {
    meta = new MemoryMetaStore();
    old = storeOver(meta, without);
    store = storeOver(meta);
    await createBucket(old, 'a');
    await old.buckets.update('a', (record) => ({ ...record, versioning: 'Enabled' }));
    for (let i = 0; i < 900; i++) await put(old, 'a', `k${i % 500}`, WRAPS[i % WRAPS.length]!, i);
    await old.objects.remove((await old.buckets.get('a'))!, 'k1', undefined, '1');
    expect(await rowKeys(meta)).toEqual([]);
  });
  afterEach(() => meta.close());

  test('is built once, from current and older versions, and is the one that their ends take apart', async () => {
    const expected = await recomputed(store);
    expect(expected.length).toBeGreaterThan(400);
    expect(await buildKeyIndex(meta, sealer, index)).toEqual({ versions: 901, indexed: expected.length, damaged: 0 });
    expect(await rowKeys(meta)).toEqual(expected);
    expect(await buildKeyIndex(meta, sealer, index)).toBeUndefined();
    const bucket = (await store.buckets.get('a'))!;
    for (const tag of [TAG.version, TAG.current]) {
      for await (const { record } of old.objects.table.scan(under(tag))) {
        const key = await keyOf(record.objectId);
        await store.objects.remove(bucket, key, record.versionId, '1');
      }
    }
    expect(await rowKeys(meta)).toEqual([]);

    async function keyOf(objectId: string): Promise<string> {
      for (const tag of [TAG.version, TAG.current]) {
        for await (const { key, record } of old.objects.table.scan(under(tag))) {
          if (record.objectId === objectId) return key.toString('latin1', 18, key.indexOf('\0\0', 18, 'latin1'));
        }
      }
      throw new Error('no such version');
    }
  });

  test('is taken up where a start was cut short, after any number of commits', async () => {
    const expected = await recomputed(store);
    const real = meta.commit.bind(meta);
    let starts = 0;
    for (;;) {
      let left = 1;
      meta.commit = async (commit: Commit) => {
        if (left-- === 0) throw new Error('killed');
        return real(commit);
      };
      starts++;
      const done = await buildKeyIndex(meta, sealer, index).catch(() => 'killed');
      if (done !== 'killed') break;
    }
    expect(starts).toBeGreaterThan(2);
    meta.commit = real;
    expect(await rowKeys(meta)).toEqual(expected);
    expect(await buildKeyIndex(meta, sealer, index)).toBeUndefined();
  });

  test('replaces rows of an unknown index, and passes over a record that does not open', async () => {
    const stale = Buffer.concat([TAG.keyUse, Buffer.alloc(32 + 16 + 16 + 8, 3)]);
    const [victim] = await meta.range({ ...under(TAG.version), limit: 1 });
    await meta.commit({ puts: [{ key: stale, value: Buffer.alloc(0) }] });
    const damaged = Buffer.from(victim!.value);
    damaged[damaged.length - 1]! ^= 1;
    await meta.commit({ puts: [{ key: victim!.key, value: damaged }] });
    expect(await buildKeyIndex(meta, sealer, index)).toMatchObject({ versions: 901, damaged: 1 });
    expect(await rowKeys(meta)).not.toContain(stale.toString('hex'));
    expect(await meta.get(KEY_INDEX_STATE)).toBeDefined();
  });

  test('is complete at once where the store is empty', async () => {
    const empty = new MemoryMetaStore();
    expect(await buildKeyIndex(empty, sealer, index)).toEqual({ versions: 0, indexed: 0, damaged: 0 });
    expect(await buildKeyIndex(empty, sealer, index)).toBeUndefined();
  });
});

describe('the backing key of a wrap (FMT-KMID-1)', () => {
  const blob = blobUnder(material(4));
  const cases: [string, WrappedKey, string | undefined][] = [
    ['is what it remembers', kms({ keyMaterialId: material(5), encryptedKey: blob }), material(5)],
    ['is in the ciphertext where it remembers none', kms({ encryptedKey: blob }), material(4)],
    [
      'is in the ciphertext of DSSE-KMS too',
      { ...kms({ encryptedKey: blob, outerKey: 'AAAA' }), mode: 'DSSE-KMS' },
      material(4),
    ],
    [
      'is unknown where the ciphertext is of another key than the ARN names',
      kms({ encryptedKey: blob, keyArn: KEY_ARN.replace('134f', '134e') }),
      undefined,
    ],
    // AWS's own ciphertexts start with 01 as well.
    [
      'is unknown for a ciphertext of AWS',
      kms({ encryptedKey: Buffer.from(`0102020078${'ab'.repeat(150)}`, 'hex').toString('base64') }),
      undefined,
    ],
    ['is unknown for a cut ciphertext', kms({ encryptedKey: blob.slice(0, 60) }), undefined],
    ['is none for SSE-S3', { mode: 'SSE-S3' }, undefined],
    ['is none for SSE-C', { mode: 'SSE-C' }, undefined],
  ];

  test.each(cases)('%s', (_name, wrap, expected) => {
    expect(materialIdOf(wrap)).toBe(expected);
  });

  test('is not indexed where another service told something that is no id', async () => {
    const record = { objectId: randomId().toString('hex'), content: content(kms({ keyMaterialId: 'AB' }), 1) };
    expect(index.rowOf(randomId(), record as never)).toBeUndefined();
    expect(cases).toHaveLength(8);
  });
});
