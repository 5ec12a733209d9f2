import type { Extent } from '../ports.js';
import { readFully, type SegmentFiles } from './files.js';
import { type Frame, frameHeaderBytes, sum } from './format.js';

interface Part {
  /** In the segment, in bytes. */
  offset: number;
  lengths: number[];
}

/** Up to `count` values of the run, from number `from` on, which is one of it. */
function partOf({ offset, first, lengths }: Frame, from: number, count: number): Part {
  const skipped = lengths.slice(0, from - first);
  return {
    offset: offset + frameHeaderBytes(lengths.length) + sum(skipped),
    lengths: lengths.slice(from - first, from - first + count),
  };
}

/** @throws StoreDamaged where the file is missing or short; what the values say is for their reader to verify */
export async function readValues(files: SegmentFiles, run: Frame, from: number, count: number): Promise<Buffer[]> {
  const { offset, lengths } = partOf(run, from, count);
  const file = await files.hold(run.segment);
  try {
    const bytes = await readFully(file.fd, offset, sum(lengths), files.path(run.segment));
    let end = 0;
    return lengths.map((length) => {
      end += length;
      return bytes.subarray(end - length, end);
    });
  } finally {
    file.release();
  }
}

/** Where they lie; the file stays open until `release`. */
export async function holdExtent(
  files: SegmentFiles,
  run: Frame,
  from: number,
  count: number,
): Promise<{ extent: Extent; count: number; release(): void }> {
  const { offset, lengths } = partOf(run, from, count);
  const { fd, release } = await files.hold(run.segment);
  return { extent: { fd, offset, length: sum(lengths) }, count: lengths.length, release };
}
