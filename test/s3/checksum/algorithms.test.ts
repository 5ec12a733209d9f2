import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  ALGORITHMS,
  type Algorithm,
  createChecksum,
  DIGEST_BYTES,
  headerName,
} from '../../../src/s3/checksum/algorithms.js';

async function checksum(algorithm: Algorithm, ...pieces: Buffer[]): Promise<Buffer> {
  const hash = await createChecksum(algorithm);
  for (const piece of pieces) hash.update(piece);
  return hash.digest();
}

/** Published check values, all of the ASCII digits 1 to 9: the catalogue of CRCs, FIPS 180, RFC 1321; xxHash by its own library. */
const CHECK: Record<Algorithm, string> = {
  CRC32: 'cbf43926',
  CRC32C: 'e3069283',
  CRC64NVME: 'ae8b14860a799888',
  SHA1: 'f7c3bc1d808e04732adf679965ccc34ca7ae3441',
  SHA256: '15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225',
  SHA512:
    'd9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24e71c3f274ad27fcd5811b313d681f7e55ec02d73d499c95455b6b5bb503acf574fba8ffe85',
  MD5: '25f9e794323b453885f5181f1b624d0b',
  XXHASH64: '8cb841db40e6ae83',
  XXHASH3: '72dcb18b67a17dff',
  XXHASH128: '33119477ede5dcd5e9716427681d5860',
};

/** Computed by xxHash's own library, seed 0, canonical byte order; of bytes (7i + floor(i / 256)) mod 256. Each length takes another path. */
const XXHASH = [
  [0, 'ef46db3751d8e999', '2d06800538d394c2', '99aa06d3014798d86001c324468d497f'],
  [1, 'e934a84adb052768', 'c44bdff4074eecdb', 'a6cd5e9392000f6ac44bdff4074eecdb'],
  [3, '9ff70a635a6209ab', 'c3489259e968ad9e', '656e81c56e41fe02c3489259e968ad9e'],
  [9, '340667a92c4324ff', '03688dcad730d826', '82ddc95bc76007671c69c3f04aaed08c'],
  [16, 'ed1dd2fac0a31fbc', '9da23836adf2be1e', 'ddf6c1254d70f76794eaa17b20756f46'],
  [17, '758409c57cd5d0a2', 'f34c3c9cf5a112d1', '263f67af63088041735fe434ded90c3c'],
  [128, '6bd66a757cf20d64', '65f3c2c00fa93185', 'dd9e5aa9bd51cc9cc6bd21ecc865f29f'],
  [129, '3fbc5a0162d80206', '28065c6ec25f5b25', '00433635cf8d872e7f4accb76587485b'],
  [240, '9f17f1fcbcbfb88e', '4917a75c0ef8eed7', '89e3a0a2ee355d25d10beb4e0599e4b3'],
  [241, '06f9e01b26bb1786', '541b19226f0052e8', '75f4da43f23cce5a541b19226f0052e8'],
  [1024, '8dbee03b461b9097', '71bee625238addb4', 'a3da96fbd688736171bee625238addb4'],
  [1025, '98b00251c469ae8a', 'd9b414f4e1bbf7ad', 'a53cd4fd16206676d9b414f4e1bbf7ad'],
  [70000, '68829df25c4555c5', 'f3d9f0a7d97f1c42', '0ce4500dc3018d1df3d9f0a7d97f1c42'],
] as const;

const pattern = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 255));

describe('each of the ten algorithms', () => {
  test.each(ALGORITHMS)('%s has the published value of "123456789", of the length it declares', async (algorithm) => {
    const digest = await checksum(algorithm, Buffer.from('123456789'));
    expect(digest.toString('hex')).toBe(CHECK[algorithm]);
    expect(digest.length).toBe(DIGEST_BYTES[algorithm]);
  });

  test.each(ALGORITHMS)('%s does not depend on how the bytes are cut', async (algorithm) => {
    const bytes = randomBytes(300_001);
    const whole = await checksum(algorithm, bytes);
    const pieces: Buffer[] = [];
    for (let at = 0, step = 1; at < bytes.length; at += step, step = (step * 3 + 1) % 70_000) {
      pieces.push(bytes.subarray(at, at + step));
    }
    expect(await checksum(algorithm, ...pieces, Buffer.alloc(0))).toEqual(whole);
  });

  test.each(ALGORITHMS)(
    '%s of several bodies at once are kept apart, and instances are used again',
    async (algorithm) => {
      const bodies = Array.from({ length: 5 }, () => randomBytes(1000));
      const alone = [];
      for (const body of bodies) alone.push(await checksum(algorithm, body));
      const hashes = await Promise.all(bodies.map(() => createChecksum(algorithm)));
      for (const from of [0, 500]) {
        for (const [i, hash] of hashes.entries()) hash.update(bodies[i]!.subarray(from, from + 500));
      }
      expect(hashes.map((hash) => hash.digest())).toEqual(alone);
      expect(await checksum(algorithm, bodies[0]!)).toEqual(alone[0]);
    },
  );
});

test('xxHash of every length class is what its own library computes', async () => {
  for (const [length, xxh64, xxh3, xxh128] of XXHASH) {
    const bytes = pattern(length);
    expect((await checksum('XXHASH64', bytes)).toString('hex'), `XXHASH64 of ${length}`).toBe(xxh64);
    expect((await checksum('XXHASH3', bytes)).toString('hex'), `XXHASH3 of ${length}`).toBe(xxh3);
    expect((await checksum('XXHASH128', bytes)).toString('hex'), `XXHASH128 of ${length}`).toBe(xxh128);
  }
});

test('a body that was given up leaves nothing in the next one', async () => {
  for (const algorithm of ['CRC64NVME', 'XXHASH64', 'XXHASH3', 'XXHASH128'] as const) {
    (await createChecksum(algorithm)).update(Buffer.from('given up'));
    expect((await checksum(algorithm, Buffer.from('123456789'))).toString('hex')).toBe(CHECK[algorithm]);
  }
});

test('a pooled hasher that has ended takes no more bytes: it may be another body’s', async () => {
  const hash = await createChecksum('XXHASH3');
  hash.digest();
  expect(() => hash.update(Buffer.from('late'))).toThrow('has ended');
  expect(() => hash.digest()).toThrow('has ended');
});

test('headers are named as AWS names them', () => {
  expect(ALGORITHMS.map(headerName)).toEqual([
    'x-amz-checksum-crc32',
    'x-amz-checksum-crc32c',
    'x-amz-checksum-crc64nvme',
    'x-amz-checksum-sha1',
    'x-amz-checksum-sha256',
    'x-amz-checksum-sha512',
    'x-amz-checksum-md5',
    'x-amz-checksum-xxhash64',
    'x-amz-checksum-xxhash3',
    'x-amz-checksum-xxhash128',
  ]);
});

test('CRC64NVME is the same in lanes as bit by bit, wherever the bytes are cut', async () => {
  const bytes = randomBytes(70_003);
  const naive = (end: number): string => {
    let crc = 0xffff_ffff_ffff_ffffn;
    for (const byte of bytes.subarray(0, end)) {
      crc ^= BigInt(byte);
      for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0x9a6c9329ac4bc9b5n : crc >> 1n;
    }
    return (crc ^ 0xffff_ffff_ffff_ffffn).toString(16).padStart(16, '0');
  };
  for (const end of [0, 7, 8, 9, 65_535, 65_536, 65_544, 70_003]) {
    const expected = naive(end);
    const whole = bytes.subarray(0, end);
    for (const cut of [0, 1, 16_384, end]) {
      const pieces = [whole.subarray(0, cut), whole.subarray(cut)];
      expect((await checksum('CRC64NVME', ...pieces)).toString('hex'), `${end}, cut at ${cut}`).toBe(expected);
    }
  }
});
