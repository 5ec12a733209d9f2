import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BucketConfigs, type ConfigKind, ConfigTooLarge } from '../../src/store/bucket-configs.js';
import { TAG, under } from '../../src/store/keys.js';
import { bucketRecord, ENGINES, type Engine, plain } from './engines.js';

const TEXTS: ConfigKind<string[]> = { name: 'texts' };
const OTHER: ConfigKind<string[]> = { name: 'texts-of-others' };

describe.each(ENGINES)('configurations of buckets %s', (_name, open) => {
  let engine: Engine;
  let configs: BucketConfigs;
  beforeEach(async () => {
    engine = await open();
    configs = new BucketConfigs(engine.meta, plain, engine.buckets);
    await engine.buckets.create(bucketRecord('b'));
  });
  afterEach(() => engine.close());

  const record = async () => (await engine.buckets.get('b'))!.record;
  const rows = async () => (await engine.meta.range({ ...under(TAG.bucketConfig), limit: 500, keysOnly: true })).length;

  test('of any size and any characters come back, in rows that fit, and leave none behind', async () => {
    const sizes = [0, 1, 15_990, 16_000, 50_000, 250_000];
    for (const size of sizes) {
      const content = ['"\\語\u{1f600}'.repeat(Math.ceil(size / 5)), 'end'];
      await configs.write('b', TEXTS, content);
      // Another process, with an empty cache.
      expect(await new BucketConfigs(engine.meta, plain, engine.buckets).read(await record(), TEXTS)).toEqual(content);
    }
    expect(sizes).toHaveLength(6);
    await configs.write('b', OTHER, ['other']);
    await configs.write('b', TEXTS, ['small']);
    expect(await rows()).toBe(2);
    await configs.write('b', TEXTS, undefined);
    expect(await rows()).toBe(1);
    expect(await configs.read(await record(), TEXTS)).toBeUndefined();
    expect(await configs.read(await record(), OTHER)).toEqual(['other']);
    await expect(configs.write('b', TEXTS, ['x'.repeat(1_000_000)])).rejects.toThrow(ConfigTooLarge);
  });

  test('are not written where the bucket, as the commit finds it, must not have them', async () => {
    const check = () => {
      throw new RangeError('not this bucket');
    };
    await expect(configs.write('b', TEXTS, ['x'], check)).rejects.toThrow('not this bucket');
    expect(await rows()).toBe(0);
  });

  test('are read once, and anew after every write, also by another process', async () => {
    await configs.write('b', TEXTS, ['one']);
    const first = await configs.read(await record(), TEXTS);
    expect(await configs.read(await record(), TEXTS)).toBe(first);
    await new BucketConfigs(engine.meta, plain, engine.buckets).write('b', TEXTS, ['two']);
    expect(await configs.read(await record(), TEXTS)).toEqual(['two']);
  });

  test('read by a request that saw an older bucket are those of now', async () => {
    await configs.write('b', TEXTS, ['one']);
    const before = await record();
    const fresh = new BucketConfigs(engine.meta, plain, engine.buckets);
    await configs.write('b', TEXTS, ['two']);
    expect(await fresh.read(before, TEXTS)).toEqual(['two']);
    await configs.write('b', TEXTS, undefined);
    expect(await new BucketConfigs(engine.meta, plain, engine.buckets).read(before, TEXTS)).toBeUndefined();
  });

  test('written by many at once are one of them, whole', async () => {
    const contents = Array.from({ length: 20 }, (_, i) => [String(i), `${i}`.repeat(1 + i * 3000)]);
    await Promise.all(contents.map((content) => configs.write('b', TEXTS, content)));
    const found = await new BucketConfigs(engine.meta, plain, engine.buckets).read(await record(), TEXTS);
    expect(contents).toContainEqual(found);
  });

  test('end with their bucket, and a bucket of the same name has none', async () => {
    await configs.write('b', TEXTS, ['x'.repeat(100_000)]);
    const before = await record();
    expect(await engine.buckets.remove((await engine.buckets.get('b'))!.record, async () => {})).toBe('removed');
    expect(await rows()).toBe(0);
    await engine.buckets.create(bucketRecord('b'));
    expect(await configs.read(await record(), TEXTS)).toBeUndefined();
    expect(await new BucketConfigs(engine.meta, plain, engine.buckets).read(before, TEXTS)).toBeUndefined();
    expect(await configs.write('gone', TEXTS, ['x'])).toBeUndefined();
  });

  test('a row that is missing is damage, not an empty configuration', async () => {
    await configs.write('b', TEXTS, ['one']);
    const [row] = await engine.meta.range({ ...under(TAG.bucketConfig), limit: 1 });
    await engine.meta.commit({ dels: [row!.key] });
    const fresh = new BucketConfigs(engine.meta, plain, engine.buckets);
    await expect(fresh.read(await record(), TEXTS)).rejects.toThrow('is missing');
  });
});
