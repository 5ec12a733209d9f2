import { expect, test } from 'vitest';
import type { RecordSealer } from '../../src/seal/ports.js';
import { Buckets } from '../../src/store/buckets.js';
import { StoreUnavailable } from '../../src/store/errors.js';
import { LocalLeases } from '../../src/store/local-leases.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import type { BucketRecord } from '../../src/store/records.js';

const plain: RecordSealer = {
  seal: (_type, _key, plaintext) => Buffer.from(plaintext),
  open: (_type, _key, sealed) => Buffer.from(sealed),
  openMany: (_type, rows) => rows.map(({ value }) => Buffer.from(value)),
};
const record: BucketRecord = {
  bucketId: 'a'.repeat(32),
  name: 'bucket',
  ownerAccountId: '111111111111',
  createdMs: 0,
  locationConstraint: '',
  encryption: { algorithm: 'AES256', bucketKeyEnabled: false, blockSseC: false, explicit: false },
};

test('a bucket whose deletion failed is there again, and can be deleted', async () => {
  const buckets = new Buckets(new MemoryMetaStore(), plain);
  await buckets.create(record);
  const failed = buckets.remove(record, async () => {
    expect(await buckets.get('bucket')).toBeUndefined();
    throw new StoreUnavailable('full');
  });
  await expect(failed).rejects.toThrow(StoreUnavailable);
  expect((await buckets.get('bucket'))?.record).toEqual(record);
  expect(await buckets.remove(record, async () => {})).toBe('removed');
  expect(await buckets.create(record)).toBe(true);
});

test('a bucket that was without its mark for a moment is not deleted: something may have been put into it', async () => {
  const buckets = new Buckets(new MemoryMetaStore(), plain);
  await buckets.create(record);
  const outcome = await buckets.remove(record, async () => {
    await buckets.recover(new LocalLeases());
    await buckets.update('bucket', (found) => ({ ...found, deleting: true }));
  });
  expect(outcome).toBe('absent');
  await buckets.recover(new LocalLeases());
  expect((await buckets.get('bucket'))?.record).toEqual(record);
});
