import { ALGORITHMS, type Algorithm } from '../../bodies/checksums.js';

// Below S3, since the threads that bodies pass through compute them too.
export {
  ALGORITHMS,
  type Algorithm,
  type ChecksumHash,
  createChecksum,
  DEFAULT_ALGORITHM,
  DIGEST_BYTES,
  isAlgorithm,
} from '../../bodies/checksums.js';

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

export const headerName = (algorithm: string): string => `x-amz-checksum-${algorithm.toLowerCase()}`;

/** Which algorithm a header or trailer of this name is of. */
export const ALGORITHM_OF: ReadonlyMap<string, Algorithm> = new Map(
  ALGORITHMS.map((algorithm) => [headerName(algorithm), algorithm]),
);
