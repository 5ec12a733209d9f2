import { Mac } from '../../base/mac.js';
import type { UploadRecord } from '../../store/records.js';
import { S3Error } from '../error.js';
import type { Field } from '../operation.js';
import { ALGORITHMS, type Algorithm, combines, DEFAULT_ALGORITHM, headerName, isAlgorithm } from './algorithms.js';
import { combineComposite, combineFullObject } from './combine.js';
import { parseChecksumRequest, parseContentMd5 } from './request.js';
import { type Checksum, collect, type UploadChecksums, unsupportedAlgorithm } from './upload-checksums.js';

type UploadChecksum = UploadRecord['checksum'];
type Headers = Readonly<Record<string, string | undefined>>;

/** `x-amz-checksum-algorithm` and `-type` of CreateMultipartUpload. CRC64NVME over the whole object where nothing was asked for. */
export const multipartChecksum: Field<UploadChecksum> = {
  read: ({ headers }) => {
    const name = headers['x-amz-checksum-algorithm']?.toUpperCase();
    const type = headers['x-amz-checksum-type']?.toUpperCase();
    if (name === undefined) {
      if (type !== undefined) {
        throw new S3Error('InvalidRequest', {
          message: 'The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.',
        });
      }
      return { algorithm: DEFAULT_ALGORITHM, type: 'FULL_OBJECT', default: true };
    }
    if (!isAlgorithm(name)) throw unsupportedAlgorithm();
    if (type === undefined) return { algorithm: name, type: name === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE' };
    if (type !== 'FULL_OBJECT' && type !== 'COMPOSITE') {
      throw new S3Error('InvalidRequest', { message: 'Value for x-amz-checksum-type header is invalid.' });
    }
    const fits = type === 'FULL_OBJECT' ? combines(name) : name !== 'CRC64NVME';
    if (!fits) {
      throw new S3Error('InvalidRequest', {
        message: `The ${type} checksum type cannot be used with the ${name.toLowerCase()} checksum algorithm.`,
      });
    }
    return { algorithm: name, type };
  },
};

export type PartChecksums = UploadChecksums;

/** For UploadPart: the upload's algorithm is kept; another one is only verified, where the upload named none. */
export async function partChecksums(
  headers: Headers,
  upload: UploadChecksum,
  options: { md5: boolean },
): Promise<UploadChecksums> {
  const request = parseChecksumRequest(headers);
  if (request && !upload.default && request.algorithm !== upload.algorithm) {
    throw new S3Error('InvalidRequest', {
      message: `Checksum Type mismatch occurred, expected checksum Type: ${upload.algorithm.toLowerCase()}, actual checksum Type: ${request.algorithm.toLowerCase()}`,
    });
  }
  return collect(request, parseContentMd5(headers), upload.algorithm as Algorithm, options.md5, 'base64');
}

interface KnownPart {
  partNumber: number;
  size: number;
  value: string;
}

/** What CompleteMultipartUpload says about checksums, compared with what the parts have. */
export interface CompleteChecksums {
  /** Number of the first part whose listed checksum isn't the stored one. */
  firstMismatch(known: readonly KnownPart[]): number | undefined;
  /** The whole object's, compared with the request's own. @throws BadDigest */
  combine(known: readonly KnownPart[]): Promise<Checksum>;
}

export function completeChecksums(
  headers: Headers,
  upload: UploadChecksum,
  listed: readonly { partNumber: number; checksums: ReadonlyMap<string, string> }[],
): CompleteChecksums {
  const algorithm = upload.algorithm as Algorithm;
  requireSameType(headers, upload);
  const byNumber = new Map(listed.map((part) => [part.partNumber, part.checksums]));
  if (!upload.default) requirePartChecksums(upload, listed);
  return {
    firstMismatch(known) {
      for (const part of known) {
        const sent = byNumber.get(part.partNumber);
        if (!sent || sent.size === 0) continue;
        // An upload that named no algorithm has no part checksums a client could know.
        if (upload.default && !sent.has(algorithm)) return part.partNumber;
        const value = sent.get(algorithm);
        if (value !== undefined && !sameDigest(value, part.value)) return part.partNumber;
      }
      return undefined;
    },
    async combine(known) {
      const value =
        upload.type === 'FULL_OBJECT' ? combineFullObject(algorithm, known) : await combineComposite(algorithm, known);
      requireSameWhole(headers, upload, value);
      return { algorithm, type: upload.type, value };
    },
  };
}

function requireSameType(headers: Headers, upload: UploadChecksum): void {
  const sent = headers['x-amz-checksum-type']?.toUpperCase();
  if (sent === undefined || (!upload.default && sent === upload.type)) return;
  throw new S3Error('InvalidRequest', {
    message: `The upload was created using the ${upload.default ? 'null' : upload.type} checksum mode. The complete request must use the same checksum mode.`,
  });
}

/** A composite upload's parts must be listed with their checksums; a checksum of another algorithm never is right. */
function requirePartChecksums(
  upload: UploadChecksum,
  listed: readonly { partNumber: number; checksums: ReadonlyMap<string, string> }[],
): void {
  const algorithm = upload.algorithm;
  for (const { partNumber, checksums } of listed) {
    const other = [...checksums.keys()].find((name) => name !== algorithm);
    if (other !== undefined && !checksums.has(algorithm)) {
      throw new S3Error('BadDigest', {
        message: `The ${other.toLowerCase()} you specified for part ${partNumber} did not match what we received.`,
      });
    }
    if (upload.type === 'COMPOSITE' && !checksums.has(algorithm)) {
      throw new S3Error('InvalidRequest', {
        message: `The upload was created using a ${algorithm.toLowerCase()} checksum. The complete request must include the checksum for each part. It was missing for part ${partNumber} in the request.`,
      });
    }
  }
}

function requireSameWhole(headers: Headers, upload: UploadChecksum, value: string): void {
  const algorithm = upload.algorithm as Algorithm;
  for (const one of ALGORITHMS) {
    const sent = headers[headerName(one)];
    if (sent === undefined) continue;
    // An upload that named no algorithm has no composite checksum; AWS passes one over.
    if (upload.default && COMPOSITE.test(sent)) continue;
    if (one === algorithm && typeIsClear(headers, upload) && sameWhole(sent, value)) continue;
    throw new S3Error('BadDigest', {
      message: `The ${algorithm.toLowerCase()} you specified did not match the calculated checksum.`,
    });
  }
}

/** Where the request names no type, S3 takes its checksum for a composite one, if the algorithm has such. */
const typeIsClear = (headers: Headers, { algorithm, type }: UploadChecksum): boolean =>
  type === 'COMPOSITE' || algorithm === 'CRC64NVME' || headers['x-amz-checksum-type'] !== undefined;

const COMPOSITE = /-\d+$/;

/** The number of parts behind a composite checksum may be left out, but not be another one. */
function sameWhole(sent: string, value: string): boolean {
  const [digest = '', parts] = sent.split('-');
  const [ownDigest = '', ownParts] = value.split('-');
  return sameDigest(digest, ownDigest) && (parts === undefined || parts === ownParts);
}

const sameDigest = (a: string, b: string): boolean =>
  new Mac(Buffer.from(a, 'base64')).equals(Buffer.from(b, 'base64'));
