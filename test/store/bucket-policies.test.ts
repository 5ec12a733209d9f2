import { describe, expect, test } from 'vitest';
import { randomId } from '../../src/base/ids.js';
import type { RecordSealer } from '../../src/seal/ports.js';
import { BucketPolicies } from '../../src/store/bucket-policies.js';
import { Buckets } from '../../src/store/buckets.js';
import { TAG, under } from '../../src/store/keys.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import type { MetaStore } from '../../src/store/ports.js';
import type { BucketRecord } from '../../src/store/records.js';
import { openTestStore, temporaryDirectory } from './harness.js';

const plain: RecordSealer = {
  seal: (_type, _key, plaintext) => Buffer.from(plaintext),
  open: (_type, _key, sealed) => Buffer.from(sealed),
  openMany: (_type, rows) => rows.map(({ value }) => Buffer.from(value)),
};
const engines: [string, () => Promise<MetaStore>][] = [
  ['memory', async () => new MemoryMetaStore()],
  ['LevelDB', async () => (await openTestStore(await temporaryDirectory())).meta],
];

describe.each(engines)('bucket policies in %s', (_name, open) => {
  async function setUp() {
    const meta = await open();
    const buckets = new Buckets(meta, plain);
    const policies = new BucketPolicies(meta, plain, buckets);
    const create = async (): Promise<BucketRecord> => {
      const record: BucketRecord = {
        bucketId: randomId().toString('hex'),
        name: 'bucket',
        ownerAccountId: '111111111111',
        createdMs: 0,
        locationConstraint: '',
        encryption: { algorithm: 'AES256', bucketKeyEnabled: false, blockSseC: false, explicit: false },
      };
      expect(await buckets.create(record)).toBe(true);
      return record;
    };
    const rows = async () => (await meta.range({ ...under(TAG.bucketPolicy), limit: 10 })).length;
    const now = async () => (await buckets.get('bucket'))!.record;
    return { buckets, policies, create, rows, now };
  }

  test('a stamp stands for one text for ever', async () => {
    const { policies, create, now, rows } = await setUp();
    const bucket = await create();
    const stamps = new Set<string>();
    for (const text of ['one', 'two', 'one']) {
      expect(await policies.put(bucket, text, { bindsRoot: false })).toBe(true);
      const { policy } = await now();
      stamps.add(policy!.stamp);
      expect(await policies.text(bucket.bucketId, policy!.stamp)).toBe(text);
      for (const old of stamps) {
        if (old !== policy!.stamp) expect(await policies.text(bucket.bucketId, old)).toBeUndefined();
      }
    }
    expect([stamps.size, await rows()]).toEqual([3, 1]);
  });

  test('of writers at once one is last, and its text is what the stamp names', async () => {
    const { policies, create, now } = await setUp();
    const bucket = await create();
    const texts = Array.from({ length: 20 }, (_, i) => `text ${i}`);
    await Promise.all(texts.map((text) => policies.put(bucket, text, { bindsRoot: text === 'text 3' })));
    const { policy } = await now();
    const text = await policies.text(bucket.bucketId, policy!.stamp);
    expect(texts).toContain(text);
    expect(policy!.bindsRoot === true).toBe(text === 'text 3');
  });

  test('a removed policy leaves no row, nor does a removed bucket', async () => {
    const { buckets, policies, create, now, rows } = await setUp();
    const bucket = await create();
    await policies.put(bucket, 'one', { bindsRoot: true });
    expect(await policies.remove(bucket)).toBe(true);
    expect([(await now()).policy, await rows()]).toEqual([undefined, 0]);
    await policies.put(bucket, 'two', { bindsRoot: false });
    expect(await buckets.remove((await buckets.get('bucket'))!.record, async () => {})).toBe('removed');
    expect(await rows()).toBe(0);
    expect(await policies.put(bucket, 'three', { bindsRoot: false })).toBe(false);
  });

  test('a bucket made again under the name is left alone by who means the old one', async () => {
    const { buckets, policies, create, now, rows } = await setUp();
    const old = await create();
    await buckets.remove((await buckets.get('bucket'))!.record, async () => {});
    await create();
    expect(await policies.put(old, 'old', { bindsRoot: false })).toBe(false);
    expect(await policies.remove(old)).toBe(false);
    expect([(await now()).policy, await rows()]).toEqual([undefined, 0]);
  });
});
