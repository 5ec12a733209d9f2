import { expect, test } from 'vitest';
import { putBucketConfig, updateBucket } from '../../src/s3/bucket-config.js';
import type { OperationContext } from '../../src/s3/operation.js';
import { BUCKET_TAGS } from '../../src/s3/tags.js';
import { BucketConfigs } from '../../src/store/bucket-configs.js';
import { Buckets } from '../../src/store/buckets.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import { bucketRecord, plain } from '../versions/engines.js';

test('a bucket that was deleted and made again is not the one that the caller was allowed to change', async () => {
  const meta = new MemoryMetaStore();
  const buckets = new Buckets(meta, plain);
  const configs = new BucketConfigs(meta, plain, buckets);
  await buckets.create(bucketRecord('b'));
  const bucket = (await buckets.get('b'))!;
  const context = { facts: { bucket }, services: { buckets, configs } } as unknown as OperationContext;
  const payer = () => updateBucket(context, (record) => ({ ...record, requestPayer: 'Requester' }));
  const tag = () => putBucketConfig(context, BUCKET_TAGS, [['a', 'b']]);
  await payer();
  await tag();
  expect(await configs.read((await buckets.get('b'))!.record, BUCKET_TAGS)).toEqual([['a', 'b']]);
  expect(await buckets.remove(bucket.record, async () => {})).toBe('removed');
  for (const change of [payer, tag]) await expect(change()).rejects.toMatchObject({ code: 'NoSuchBucket' });
  const again = bucketRecord('b', { ownerAccountId: '222222222222' });
  await buckets.create(again);
  for (const change of [payer, tag]) await expect(change()).rejects.toMatchObject({ code: 'NoSuchBucket' });
  expect(await buckets.remove(bucket.record, async () => {})).toBe('absent');
  expect((await buckets.get('b'))!.record).toEqual(again);
});
