import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type Algorithm, createChecksum } from '../../../src/s3/checksum/algorithms.js';
import { combineComposite, combineFullObject } from '../../../src/s3/checksum/combine.js';
import { cpuMs, yardstickMs } from '../../support/cpu.js';

async function base64(algorithm: Algorithm, bytes: Buffer): Promise<string> {
  const hash = await createChecksum(algorithm);
  hash.update(bytes);
  return hash.digest().toString('base64');
}

const CRCS = ['CRC32', 'CRC32C', 'CRC64NVME'] as const;

describe('the full-object checksum from those of the parts', () => {
  test.each(CRCS)('%s equals that of the bytes, however they were cut', async (algorithm) => {
    for (let round = 0; round < 40; round++) {
      const parts = Array.from({ length: 1 + (round % 7) }, () => randomBytes(Math.floor(Math.random() * 5000)));
      if (round % 5 === 0) parts.push(Buffer.alloc(0), Buffer.alloc(100));
      const known = [];
      for (const part of parts) known.push({ size: part.length, value: await base64(algorithm, part) });
      expect(combineFullObject(algorithm, known)).toBe(await base64(algorithm, Buffer.concat(parts)));
    }
  });

  /** Computed byte by byte over 5 GiB of zeros. */
  const FIVE_GIB = { CRC32: 'GTg4ww==', CRC32C: 'LMX21g==', CRC64NVME: 'zjb+AoVWnSA=' };

  test.each(CRCS)('%s holds for sizes beyond 32 bits', async (algorithm) => {
    const half = 5 * 2 ** 29;
    const mebibyte = { size: 2 ** 20, value: await base64(algorithm, Buffer.alloc(2 ** 20)) };
    const value = combineFullObject(algorithm, Array(half / mebibyte.size).fill(mebibyte));
    expect(combineFullObject(algorithm, Array(2).fill({ size: half, value }))).toBe(FIVE_GIB[algorithm]);
    const byte = { size: 1, value: await base64(algorithm, Buffer.alloc(1)) };
    const rest = { size: 5 * 2 ** 30, value: FIVE_GIB[algorithm] };
    expect(combineFullObject(algorithm, [byte, rest])).toBe(combineFullObject(algorithm, [rest, byte]));
  });

  test('of a single part is the part’s', () => {
    expect(combineFullObject('CRC32', [{ size: 9, value: 'y/Q5Jg==' }])).toBe('y/Q5Jg==');
  });

  test('of 10,000 parts of different sizes does not hold up the server', () => {
    const parts = Array.from({ length: 10_000 }, (_, i) => ({
      size: 5 * 2 ** 20 + i * 7919,
      value: randomBytes(8).toString('base64'),
    }));
    const spent = cpuMs(() => void combineFullObject('CRC64NVME', parts));
    // About once the yardstick; 20 times by BigInt.
    expect(spent).toBeLessThan(10 * yardstickMs());
  });

  test('is refused for algorithms that can’t be combined, and for values of another length', () => {
    expect(() => combineFullObject('SHA256', [])).toThrow(RangeError);
    expect(() => combineFullObject('XXHASH64', [])).toThrow(RangeError);
    expect(() => combineFullObject('CRC64NVME', [{ size: 1, value: 'y/Q5Jg==' }])).toThrow(RangeError);
  });
});

describe('the composite checksum', () => {
  test('is that of the parts’ digests, with their number', async () => {
    const parts = [randomBytes(10), randomBytes(20)];
    for (const algorithm of ['CRC32', 'SHA1', 'SHA512', 'MD5', 'XXHASH128'] as const) {
      const values = [];
      for (const part of parts) values.push({ value: await base64(algorithm, part) });
      const digests = Buffer.concat(values.map(({ value }) => Buffer.from(value, 'base64')));
      expect(await combineComposite(algorithm, values)).toBe(`${await base64(algorithm, digests)}-2`);
    }
  });
});
