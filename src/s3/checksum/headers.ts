import type { XmlNode } from '../../base/xml/ports.js';
import { headerName } from './algorithms.js';
import type { Checksum } from './upload-checksums.js';

/** `x-amz-checksum-…` and `x-amz-checksum-type` of an answer. */
export function checksumHeaders(
  checksum: Checksum,
  options: { withType?: boolean } = {},
): Record<string, string | undefined> {
  return {
    [headerName(checksum.algorithm)]: checksum.value,
    'x-amz-checksum-type': options.withType === false ? undefined : checksum.type,
  };
}

/** `ChecksumCRC32` and `ChecksumType` in XML. */
export function checksumNodes(checksum: Checksum, options: { withType?: boolean } = {}): XmlNode[] {
  return [
    [`Checksum${checksum.algorithm}`, checksum.value],
    ['ChecksumType', options.withType === false ? undefined : checksum.type],
  ];
}
