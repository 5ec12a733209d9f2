import { join } from 'node:path';
import { StoreDamaged } from '../errors.js';
import type { SegmentFiles } from './files.js';
import type { LogIndex } from './log-index.js';
import { parseSegmentRow } from './rows.js';
import { Segment } from './segment.js';

export interface Loaded {
  segments: Map<number, Segment>;
  /** The one to go on writing to. */
  active: Segment | undefined;
  /** Those that were being written when the process before ended. */
  wereWritten: Segment[];
}

export interface LoadOptions {
  /** Whether there must be a list. */
  required: boolean;
  /** Nobody writes to any of them now: what lies behind the end of one is cut off, and the newest may be written on. */
  append: boolean;
  limitBytes(totalBytes: number): number;
}

/** Compares rows and files. @throws StoreDamaged naming a segment that is missing, short or another one */
export async function loadSegments(
  files: SegmentFiles,
  index: LogIndex,
  { required, append, limitBytes }: LoadOptions,
): Promise<Loaded> {
  const listed = await files.listed();
  if (!listed && required) throw new StoreDamaged(`${join(files.directory, 'list')} is missing`);
  const found = new Set(await files.found());
  const rows = new Map<number, ReturnType<typeof parseSegmentRow>>();
  for (const id of [...new Set([...(listed ?? []), ...found])].sort((a, b) => a - b)) {
    const row = await index.segmentRow(id);
    if (row) rows.set(id, parseSegmentRow(id, row));
    // Made or removed just before the end of a process.
    else if (found.has(id)) await files.remove(id);
  }
  const limit = limitBytes([...rows.values()].reduce((total, { end }) => total + end, 0));
  const segments = new Map<number, Segment>();
  const wereWritten: Segment[] = [];
  for (const [id, row] of rows) {
    const segment = new Segment(id, row, limit);
    segments.set(id, segment);
    if (row.liveRuns > 0) {
      const size = await requireWhole(files, segment);
      if (append && size > row.end) await files.cut(id, row.end);
    }
    if (row.sealed) continue;
    if (append && row.liveRuns > 0) wereWritten.push(segment);
    else segment.full = true;
  }
  const active = wereWritten.filter(({ full }) => !full).at(-1);
  for (const segment of wereWritten) if (segment !== active) segment.full = true;
  if (active) active.file = await files.hold(active.id);
  return { segments, active, wereWritten };
}

/** @returns its bytes */
async function requireWhole(files: SegmentFiles, { id, row }: Segment): Promise<number> {
  // Whether it is there at all, and the one that it is named.
  (await files.hold(id)).release();
  const size = await files.size(id);
  if (size === undefined || size < row.end) {
    throw new StoreDamaged(`${files.path(id)} has ${size ?? 0} bytes, ${row.end} were written`);
  }
  return size;
}
