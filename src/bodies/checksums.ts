import { createHash } from 'node:crypto';
import * as zlib from 'node:zlib';
import { crc32c, crc32 as nativeCrc32 } from '@node-rs/crc32';
import { createXXHash3, createXXHash64, createXXHash128, type IHasher } from 'hash-wasm';
import { u32 } from '../base/bytes.js';
import { crc64nvme } from './crc64nvme.js';

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

export const isAlgorithm = (name: string): name is Algorithm => (ALGORITHMS as readonly string[]).includes(name);

/** A running checksum. `digest` ends it: big-endian bytes, which go onto the wire as base64. */
export interface ChecksumHash {
  update(bytes: Buffer): void;
  digest(): Buffer;
  /** There will be no digest. */
  discard(): void;
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
    discard() {},
  };
}

function nodeHash(name: string): ChecksumHash {
  const hash = createHash(name);
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest(), discard() {} };
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
    const giveBack = (): void => {
      ended = true;
      if (this.#idle.length < IDLE_MAX) this.#idle.push(hasher);
    };
    return {
      update: (bytes) => {
        requireRunning();
        hasher.update(bytes);
      },
      digest: () => {
        requireRunning();
        const digest = Buffer.from(hasher.digest('binary'));
        giveBack();
        return digest;
      },
      discard: () => {
        if (!ended) giveBack();
      },
    };
  }
}

const IDLE_MAX = 64;
const pools = {
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
    case 'CRC64NVME':
      return crc64nvme();
    case 'SHA1':
    case 'SHA256':
    case 'SHA512':
    case 'MD5':
      return nodeHash(algorithm.toLowerCase());
    default:
      return pools[algorithm].take();
  }
}
