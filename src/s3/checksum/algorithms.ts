import { createHash } from 'node:crypto';
import * as zlib from 'node:zlib';
import { crc32c, crc32 as nativeCrc32 } from '@node-rs/crc32';
import { createCRC64, createXXHash3, createXXHash64, createXXHash128, type IHasher } from 'hash-wasm';
import { u32 } from '../../base/bytes.js';

/** ChecksumAlgorithm of the API model. */
export const ALGORITHMS = [
  'CRC32',
  'CRC32C',
  'CRC64NVME',
  'SHA1',
  'SHA256',
  'SHA512',
  'MD5',
  'XXHASH64',
  'XXHASH3',
  'XXHASH128',
] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** What S3 computes where the client sends nothing. */
export const DEFAULT_ALGORITHM: Algorithm = 'CRC64NVME';

/** Length of the digest in bytes. */
export const DIGEST_BYTES: Record<Algorithm, number> = {
  CRC32: 4,
  CRC32C: 4,
  CRC64NVME: 8,
  SHA1: 20,
  SHA256: 32,
  SHA512: 64,
  MD5: 16,
  XXHASH64: 8,
  XXHASH3: 8,
  XXHASH128: 16,
};

/** Of no bytes, in base64. */
export const EMPTY_DIGESTS: Record<Algorithm, string> = {
  CRC32: 'AAAAAA==',
  CRC32C: 'AAAAAA==',
  CRC64NVME: 'AAAAAAAAAAA=',
  SHA1: '2jmj7l5rSw0yVb/vlWAYkK/YBwk=',
  SHA256: '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
  SHA512: 'z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==',
  MD5: '1B2M2Y8AsgTpgAmY7PhCfg==',
  XXHASH64: '70bbN1HY6Zk=',
  XXHASH3: 'LQaABTjTlMI=',
  XXHASH128: 'maoG0wFHmNhgAcMkRo1Jfw==',
};

/** Can checksums of parts be combined to that of the whole? Only those of CRCs can. */
export const combines = (algorithm: Algorithm): algorithm is 'CRC32' | 'CRC32C' | 'CRC64NVME' =>
  algorithm.startsWith('CRC');

export const isAlgorithm = (name: string): name is Algorithm => (ALGORITHMS as readonly string[]).includes(name);

export const headerName = (algorithm: string): string => `x-amz-checksum-${algorithm.toLowerCase()}`;

/** Which algorithm a header or trailer of this name is of. */
export const ALGORITHM_OF: ReadonlyMap<string, Algorithm> = new Map(
  ALGORITHMS.map((algorithm) => [headerName(algorithm), algorithm]),
);

/** A running checksum. `digest` ends it: big-endian bytes, which go onto the wire as base64. */
export interface ChecksumHash {
  update(bytes: Buffer): void;
  digest(): Buffer;
}

/** zlib's own is three times as fast; Node has it from 20.15 and 22.2 on. */
const crc32: (bytes: Buffer, before: number) => number =
  typeof zlib.crc32 === 'function'
    ? (bytes, before) => zlib.crc32(bytes, before)
    : (bytes, before) => nativeCrc32(bytes, before);

function crc(step: (bytes: Buffer, before: number) => number): ChecksumHash {
  let value = 0;
  return {
    update(bytes) {
      value = step(bytes, value);
    },
    digest: () => u32(value >>> 0),
  };
}

function nodeHash(name: string): ChecksumHash {
  const hash = createHash(name);
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest() };
}

/** Instances of WebAssembly modules are dear to make and hold one state each: they are kept and used again. */
class HasherPool {
  readonly #idle: IHasher[] = [];

  constructor(private readonly make: () => Promise<IHasher>) {}

  async take(): Promise<ChecksumHash> {
    const hasher = this.#idle.pop() ?? (await this.make());
    hasher.init();
    let ended = false;
    // After its digest the hasher may already be another body's.
    const requireRunning = (): void => {
      if (ended) throw new Error('this checksum has ended');
    };
    return {
      update: (bytes) => {
        requireRunning();
        hasher.update(bytes);
      },
      digest: () => {
        requireRunning();
        ended = true;
        const digest = Buffer.from(hasher.digest('binary'));
        if (this.#idle.length < IDLE_MAX) this.#idle.push(hasher);
        return digest;
      },
    };
  }
}

const IDLE_MAX = 64;
/** CRC-64/NVME: reflected polynomial. */
const NVME = '9a6c9329ac4bc9b5';
const pools = {
  CRC64NVME: new HasherPool(() => createCRC64(NVME)),
  XXHASH64: new HasherPool(() => createXXHash64()),
  XXHASH3: new HasherPool(() => createXXHash3()),
  XXHASH128: new HasherPool(() => createXXHash128()),
};

export async function createChecksum(algorithm: Algorithm): Promise<ChecksumHash> {
  switch (algorithm) {
    case 'CRC32':
      return crc(crc32);
    case 'CRC32C':
      return crc((bytes, before) => crc32c(bytes, before));
    case 'SHA1':
    case 'SHA256':
    case 'SHA512':
    case 'MD5':
      return nodeHash(algorithm.toLowerCase());
    default:
      return pools[algorithm].take();
  }
}
