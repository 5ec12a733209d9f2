import type { Span } from '../../encryption/body-opener.js';
import { StoreDamaged } from '../../store/errors.js';
import type { Run } from '../../store/ports.js';

/** Values of one run, and which of their bytes are wanted. */
export interface NeededRun {
  run: Run;
  /** Of its values, counted from 0: the first, and how many. */
  from: number;
  count: number;
  /** Of the bytes of these values, all in a row. */
  slice: Span;
}

/** What the segments of a message need of the runs that it lies in, ascending, run by run. @throws StoreDamaged */
export function* neededRuns(segments: readonly Span[], runs: readonly Run[], valueBytes: number): Generator<NeededRun> {
  for (const segment of segments) {
    let base = 0;
    let at = segment.start;
    for (const run of runs) {
      const end = Math.min(segment.end, base + run.count * valueBytes);
      if (at < end) {
        const from = Math.floor((at - base) / valueBytes);
        const to = Math.ceil((end - base) / valueBytes);
        const start = at - base - from * valueBytes;
        yield { run, from, count: to - from, slice: { start, end: start + end - at } };
        at = end;
      }
      base += run.count * valueBytes;
      if (at >= segment.end) break;
    }
    if (at < segment.end) throw new StoreDamaged('the record of a body names too few blobs');
  }
}

/** The bytes of `slice` of what lies in these extents, one behind the other. @throws StoreDamaged */
export function sliceOf<T extends { offset: number; length: number }>(extents: readonly T[], slice: Span): T[] {
  const found: T[] = [];
  let base = 0;
  for (const extent of extents) {
    const from = Math.max(0, slice.start - base);
    const to = Math.min(extent.length, slice.end - base);
    if (from < to) found.push({ ...extent, offset: extent.offset + from, length: to - from });
    base += extent.length;
  }
  if (base < slice.end) throw new StoreDamaged('a blob is shorter than its record says');
  return found;
}
