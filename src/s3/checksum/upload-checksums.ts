import { Mac } from '../../base/mac.js';
import type { StoredChecksum } from '../../store/records.js';
import { S3Error } from '../error.js';
import {
  type Algorithm,
  type ChecksumHash,
  createChecksum,
  DEFAULT_ALGORITHM,
  headerName,
  isAlgorithm,
} from './algorithms.js';
import { type ChecksumRequest, parseChecksumRequest, parseContentMd5, requireDigest } from './request.js';

export interface Checksum {
  algorithm: string;
  type: 'FULL_OBJECT' | 'COMPOSITE';
  /** Base64. */
  value: string;
}

export interface VerifiedChecksums {
  checksum: Checksum;
  /** Where it was asked for, or computed because Content-MD5 was sent. */
  md5: Buffer | undefined;
}

type Headers = Readonly<Record<string, string | undefined>>;

/** Computes a body's checksums as it passes and compares them with what the request claims. */
export class UploadChecksums {
  constructor(
    private readonly request: ChecksumRequest | undefined,
    private readonly contentMd5: Buffer | undefined,
    private readonly hashes: ReadonlyMap<Algorithm, ChecksumHash>,
    /** Which one is kept with the object. */
    private readonly kept: Algorithm,
    /** How a failed Content-MD5 is told back: AWS answers PutObject in hex, UploadPart in base64. */
    private readonly expectedDigest: 'hex' | 'base64',
  ) {}

  update(bytes: Buffer): void {
    for (const hash of this.hashes.values()) hash.update(bytes);
  }

  /** Somebody else computes them, of these algorithms. Nothing may have been added yet. */
  handOver(): Algorithm[] {
    for (const hash of this.hashes.values()) hash.discard();
    return [...this.hashes.keys()];
  }

  /** @throws BadDigest */
  verify(
    trailers: ReadonlyMap<string, string>,
    digests: ReadonlyMap<Algorithm, Buffer> = this.#digest(),
  ): VerifiedChecksums {
    if (this.contentMd5 && !new Mac(digests.get('MD5')!).equals(this.contentMd5)) {
      throw new S3Error('BadDigest', {
        message: 'The Content-MD5 you specified did not match what we received.',
        extra: {
          ExpectedDigest: this.contentMd5.toString(this.expectedDigest),
          CalculatedDigest: digests.get('MD5')!.toString('base64'),
        },
      });
    }
    if (this.request) this.#compare(this.request, digests, trailers);
    this.#digests = digests;
    return {
      checksum: { algorithm: this.kept, type: 'FULL_OBJECT', value: digests.get(this.kept)!.toString('base64') },
      md5: digests.get('MD5'),
    };
  }

  #digest(): Map<Algorithm, Buffer> {
    return new Map([...this.hashes].map(([algorithm, hash]) => [algorithm, hash.digest()]));
  }

  #digests: ReadonlyMap<Algorithm, Buffer> | undefined;

  /** After `verify`: what the client sent a checksum of, or what is kept. */
  get answered(): Checksum {
    const algorithm = this.request?.algorithm ?? this.kept;
    return { algorithm, type: 'FULL_OBJECT', value: this.#digests!.get(algorithm)!.toString('base64') };
  }

  /** Did the client send one besides Content-MD5? */
  get sent(): boolean {
    return this.request !== undefined;
  }

  #compare(
    request: ChecksumRequest,
    digests: ReadonlyMap<Algorithm, Buffer>,
    trailers: ReadonlyMap<string, string>,
  ): void {
    const { algorithm } = request;
    const value = request.trailer ? trailers.get(headerName(algorithm)) : request.value;
    if (value === undefined) {
      throw new S3Error('MalformedTrailerError');
    }
    requireDigest(algorithm, value, request.trailer ? 'trailing header' : 'header');
    if (new Mac(digests.get(algorithm)!).equals(Buffer.from(value, 'base64'))) return;
    throw new S3Error('BadDigest', {
      message: `The ${algorithm} you specified did not match the calculated checksum.`,
    });
  }
}

/** For PutObject: the client's algorithm is kept, CRC64NVME where it names none. */
export async function uploadChecksums(headers: Headers, options: { md5: boolean }): Promise<UploadChecksums> {
  const request = parseChecksumRequest(headers);
  return collect(request, parseContentMd5(headers), request?.algorithm ?? DEFAULT_ALGORITHM, options.md5, 'hex');
}

/** For CopyObject: the algorithm that is asked for, else the source's, else CRC64NVME. */
export async function copyChecksums(
  asked: string | undefined,
  source: StoredChecksum | undefined,
  options: { md5: boolean },
): Promise<UploadChecksums> {
  const name = asked?.toUpperCase() ?? source?.algorithm ?? DEFAULT_ALGORITHM;
  if (!isAlgorithm(name)) throw unsupportedAlgorithm();
  return collect(undefined, undefined, name, options.md5, 'hex');
}

export function unsupportedAlgorithm(): S3Error {
  return new S3Error('InvalidRequest', {
    message:
      'Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]',
  });
}

export async function collect(
  request: ChecksumRequest | undefined,
  contentMd5: Buffer | undefined,
  kept: Algorithm,
  md5: boolean,
  expectedDigest: 'hex' | 'base64',
): Promise<UploadChecksums> {
  const wanted = new Set<Algorithm>([kept]);
  if (request) wanted.add(request.algorithm);
  if (md5 || contentMd5) wanted.add('MD5');
  const hashes = new Map<Algorithm, ChecksumHash>();
  for (const algorithm of wanted) hashes.set(algorithm, await createChecksum(algorithm));
  return new UploadChecksums(request, contentMd5, hashes, kept, expectedDigest);
}
