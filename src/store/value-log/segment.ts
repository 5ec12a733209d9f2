import type { HeldFile, SegmentFiles } from './files.js';
import { alignUp, type Frame, frameBytes, frameHeaderBytes, SEGMENT_HEADER_BYTES, sum } from './format.js';
import type { SegmentRow } from './rows.js';

const HEADER_BLOCKS_BYTES = alignUp(SEGMENT_HEADER_BYTES);

/** One segment as this process knows it: its row, and while it is written what has been given away of it. */
export class Segment {
  /** Where the next frame goes. */
  next: number;
  /** Bodies that have room here and have not ended. */
  writers = 0;
  /** Takes no more bodies. */
  full: boolean;
  /** Something in it is damaged or miscounted: it is neither emptied nor removed. */
  kept = false;
  /** Live runs that its row names on the disk. */
  durableRuns: number;
  /** The newest snapshot that may see a run here that has gone since. */
  seenBy = 0;
  /** While it is written. */
  file: HeldFile | undefined;
  #syncing: Promise<void> | undefined;
  #nextSync: Promise<void> | undefined;

  constructor(
    readonly id: number,
    readonly row: SegmentRow,
    /** At which it is full. */
    readonly limitBytes: number,
  ) {
    this.durableRuns = row.liveRuns;
    this.next = alignUp(Math.max(row.end, SEGMENT_HEADER_BYTES));
    // One body fits in any.
    this.full = row.sealed || (this.next >= limitBytes && this.next > HEADER_BLOCKS_BYTES);
  }

  static empty(id: number, limitBytes: number): Segment {
    return new Segment(id, { end: SEGMENT_HEADER_BYTES, liveBytes: 0, liveRuns: 0, sealed: false }, limitBytes);
  }

  /** Nothing more comes to it. */
  get isDone(): boolean {
    return this.full && this.writers === 0;
  }

  get isDead(): boolean {
    return this.isDone && this.row.liveRuns === 0 && this.durableRuns === 0;
  }

  get deadBytes(): number {
    return alignUp(this.row.end) - HEADER_BLOCKS_BYTES - this.row.liveBytes;
  }

  get isMostlyDead(): boolean {
    return this.row.liveBytes < this.deadBytes;
  }

  /** @returns where the frame starts */
  take(bytes: number): number {
    const offset = this.next;
    this.next += bytes;
    if (this.next >= this.limitBytes) this.full = true;
    this.writers++;
    return offset;
  }

  added({ offset, lengths }: Frame): void {
    this.row.end = Math.max(this.row.end, offset + frameHeaderBytes(lengths.length) + sum(lengths));
    this.row.liveBytes += frameBytes(lengths);
    this.row.liveRuns++;
  }

  freed({ lengths }: Frame): void {
    this.row.liveBytes -= frameBytes(lengths);
    this.row.liveRuns--;
  }

  /** What was written before this call is on the disk when it resolves. Whoever comes while one sync runs shares the next. */
  sync(files: SegmentFiles): Promise<void> {
    this.#nextSync ??= (this.#syncing ?? Promise.resolve()).then(() => {
      this.#nextSync = undefined;
      this.#syncing = files.sync(this.id, this.file!.fd);
      return this.#syncing;
    });
    return this.#nextSync;
  }
}
