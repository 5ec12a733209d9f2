import { expect, test } from 'vitest';
import { compareUtf8 } from '../../src/base/order.js';
import { listCurrent } from '../../src/s3/listing/object-rows.js';
import type { Services } from '../../src/s3/services.js';
import type { RecordSealer } from '../../src/seal/ports.js';
import { Objects } from '../../src/store/objects.js';
import { bucketRecord, ENGINES, newVersion, plain } from '../versions/engines.js';

const ROUNDS = 24;
const LETTERS = ['a', 'b', '/', '/', '\0', '\u{FFFD}', '\u{10000}'];
const pick = <T>(of: readonly T[]): T => of[Math.floor(Math.random() * of.length)]!;
const word = (max: number): string =>
  Array.from({ length: 1 + Math.floor(Math.random() * max) }, () => pick(LETTERS)).join('');

/** Every key by itself, nothing skipped. */
function naive(keys: string[], query: { prefix: string; delimiter: string; after: string; max: number }) {
  const shown: string[] = [];
  for (const key of [...keys].sort(compareUtf8)) {
    if (!key.startsWith(query.prefix)) continue;
    const at = query.delimiter === '' ? -1 : key.indexOf(query.delimiter, query.prefix.length);
    const one = at < 0 ? key : key.slice(0, at + query.delimiter.length);
    // A marker inside a common prefix stands for all of it.
    const afterAt = query.delimiter === '' ? -1 : query.after.indexOf(query.delimiter, query.prefix.length);
    const after =
      query.after.startsWith(query.prefix) && afterAt >= 0
        ? query.after.slice(0, afterAt + query.delimiter.length)
        : query.after;
    if (query.after !== '' && compareUtf8(one, after) <= 0) continue;
    if (shown.at(-1) !== one) shown.push(one);
  }
  return { shown: shown.slice(0, query.max), truncated: shown.length > query.max };
}

test.each(ENGINES)(`${ROUNDS} random buckets list as one key after the other says, %s`, async (_, open) => {
  const engine = await open();
  const { meta, buckets, objects } = engine;
  const services = { meta, objects } as unknown as Services;
  let [compared, rolled, hidden] = [0, 0, 0];
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const name = `bucket-${round}`;
      const versioned = round % 2 === 1;
      await buckets.create(bucketRecord(name, versioned ? { versioning: 'Enabled' } : {}));
      const bucket = (await buckets.get(name))!;
      const words = Array.from({ length: 60 }, () => `${word(2)}${pick(['', '/', '/x'])}${word(3)}`);
      const keys = new Set(words);
      await Promise.all([...keys].map((key) => objects.put(bucket, key, newVersion())));
      for (const key of words.slice(0, 25)) {
        await objects.remove(bucket, key, undefined, '111111111111');
        if (keys.delete(key)) hidden += versioned ? 1 : 0;
      }
      for (let i = 0; i < 12; i++) {
        const query = {
          ...{ prefix: pick(['', '', word(2)]), delimiter: pick(['', '/', '/', 'a/']) },
          ...{ after: pick(['', word(4), pick(words)]), max: pick([1, 2, 5, 1000]) },
        };
        const { items, commonPrefixes, truncated } = await listCurrent(services, bucket.record, query);
        const shown = [...items.map((one) => one.key), ...commonPrefixes].sort(compareUtf8);
        expect({ shown, truncated }, JSON.stringify(query)).toEqual(naive([...keys], query));
        for (const { record } of items) expect(record.content).toBeDefined();
        compared++;
        rolled += commonPrefixes.length;
      }
    }
  } finally {
    await engine.close();
  }
  expect(compared).toBe(12 * ROUNDS);
  expect(Math.min(rolled, hidden)).toBeGreaterThan(100);
});

test('a key that only becomes a common prefix isn’t opened where nothing can be a delete marker', async () => {
  const engine = await ENGINES[0]![1]();
  const { meta, buckets, clock } = engine;
  let opened = 0;
  const counting: RecordSealer = {
    ...plain,
    open: (type, key, sealed) => {
      opened += type === 'object' ? 1 : 0;
      return plain.open(type, key, sealed);
    },
  };
  const objects = new Objects(meta, counting, buckets, clock);
  for (const [name, versioning, expected] of [
    ['plain', undefined, 1],
    ['versioned', 'Enabled', 11],
  ] as const) {
    await buckets.create(bucketRecord(name, versioning ? { versioning } : {}));
    const bucket = (await buckets.get(name))!;
    for (let i = 0; i < 50; i++) await objects.put(bucket, `p${i % 10}/${i}`, newVersion());
    await objects.put(bucket, 'z', newVersion());
    opened = 0;
    const query = { prefix: '', delimiter: '/', after: '', max: 1000 };
    const { items, commonPrefixes } = await listCurrent({ meta, objects } as unknown as Services, bucket.record, query);
    expect([items.length, commonPrefixes.length, opened]).toEqual([1, 10, expected]);
  }
  await engine.close();
});
