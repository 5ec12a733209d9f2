import { expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.js';
import { Secret } from '../../src/base/secret.js';
import { BucketKeys } from '../../src/encryption/bucket-key.js';
import type { KeyService } from '../../src/encryption/ports.js';
import { root } from '../kms/harness.js';

const ARNS = { bucketArn: 'arn:aws:s3:::b', objectArn: 'arn:aws:s3:::b/k' } as never;
const MINUTE_MS = 60_000;

/** Bucket keys over a key service that makes another data key each time. */
function makeBucketKeys() {
  let made = 0;
  const asked: string[] = [];
  const clock = new ManualClock(0);
  let beforeAnswer: () => void = () => {};
  const kms = {
    generateDataKey: async (_: unknown, { keyId }: { keyId: string }) => {
      asked.push('GenerateDataKey');
      const ciphertextBlob = Buffer.from(String(made++));
      beforeAnswer();
      return { keyArn: `arn:${keyId}`, plaintext: new Secret(Buffer.alloc(32, 1)), ciphertextBlob };
    },
    decrypt: async (_: unknown, { keyId }: { keyId: string }) => {
      asked.push('Decrypt');
      beforeAnswer();
      return { keyArn: keyId, plaintext: new Secret(Buffer.alloc(32, 1)) };
    },
    authorize: async (_: unknown, { keyId }: { keyId: string }) => ({ keyArn: `arn:${keyId}` }),
  } as unknown as KeyService;
  const keys = new BucketKeys(kms, clock);
  const current = (bucket: number, keyId = 'k') => keys.current(root(), ARNS, Buffer.of(bucket >> 8, bucket), keyId);
  return { keys, clock, asked, current, answering: (act: () => void) => (beforeAnswer = act) };
}

test('no more bucket keys are in memory than are allowed, however many buckets and keys are named', async () => {
  const { keys, current } = makeBucketKeys();
  for (let bucket = 0; bucket < 1500; bucket++) await current(bucket);
  expect(keys.size).toBeLessThanOrEqual(1000);
  await current(1499);
  expect(keys.size).toBeGreaterThan(900);
});

test('what is older than five minutes goes as soon as another key comes, asked for again or not', async () => {
  const { keys, clock, current } = makeBucketKeys();
  for (let bucket = 0; bucket < 10; bucket++) await current(bucket);
  expect(keys.size).toBe(20);
  clock.advance(5 * MINUTE_MS);
  await current(99);
  expect(keys.size).toBe(2);
});

test('what was under way when the keys were cleared is not kept', async () => {
  const { keys, current, answering, asked } = makeBucketKeys();
  answering(() => keys.clear());
  await current(1);
  expect(keys.size).toBe(0);
  const wrap = { keyArn: 'arn:k', encryptedKey: Buffer.from('0').toString('base64') };
  await keys.open(root(), ARNS, Buffer.of(0, 1), wrap);
  expect(keys.size).toBe(0);
  answering(() => {});
  await keys.open(root(), ARNS, Buffer.of(0, 1), wrap);
  await keys.open(root(), ARNS, Buffer.of(0, 1), wrap);
  expect(asked).toEqual(['GenerateDataKey', 'Decrypt', 'Decrypt']);
});
