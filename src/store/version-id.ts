import { randomId } from '../base/ids.js';

export const NULL_VERSION = 'null';

/**
 * A version id carries the sequence of its version, so that it leads to its row without an index: 6 bytes sequence ‖ 16 random
 * bytes ‖ 2 bytes 0x4331 ("C1"), as 32 characters of base64 with `.` and `_`, the alphabet of AWS's own ids.
 */
export function newVersionId(sequence: number): string {
  const bytes = Buffer.alloc(24);
  bytes.writeUIntBE(sequence, 0, 6);
  randomId().copy(bytes, 6);
  bytes.write('C1', 22, 'latin1');
  return bytes.toString('base64').replaceAll('+', '.').replaceAll('/', '_');
}

/** The sequence inside a version id; undefined for an id that Coffer can't have made. */
export function sequenceOf(versionId: string): number | undefined {
  if (!/^[A-Za-z0-9._]{32}$/.test(versionId)) return undefined;
  const bytes = Buffer.from(versionId.replaceAll('.', '+').replaceAll('_', '/'), 'base64');
  return bytes.toString('latin1', 22) === 'C1' ? bytes.readUIntBE(0, 6) : undefined;
}

/** The sequence that a version was made with, wherever it lies now. */
export const originOf = ({ versionId, sequence }: { versionId: string; sequence: number }): number =>
  sequenceOf(versionId) ?? sequence;
