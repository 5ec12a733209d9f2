import { crc32c } from '@node-rs/crc32';
import { GiB, MiB } from '../../base/limits.js';
import { StoreDamaged, StoreUnavailable } from '../errors.js';
import { segmentKey } from '../leveldb/blob-keys.js';
import type { Batch } from '../leveldb/database.js';
import type { FreeSpace } from '../leveldb/free-space.js';
import type { OpenSnapshots } from '../open-snapshots.js';
import type { Run } from '../ports.js';
import { type FileProbe, type HeldFile, SegmentFiles } from './files.js';
import { type Frame, frameBytes } from './format.js';
import { verifyFrame } from './frames.js';
import { loadSegments } from './load.js';
import type { LogIndex } from './log-index.js';
import { SegmentReclaimer, type SegmentReclaimerOptions } from './reclaimer.js';
import { Room } from './room.js';
import { segmentRow } from './rows.js';
import { Segment } from './segment.js';

const SEGMENT_MIN_BYTES = 64 * MiB;
const SEGMENT_MAX_BYTES = 1 * GiB;
/** A segment is at most this share of all of them. */
const SEGMENTS_AT_LEAST = 256;

export interface ValueLogOptions {
  directory: string;
  /** Known before the first segment is made or read. */
  storeId(): string;
  space: FreeSpace;
  /** Those who may still read what the rows no longer name. */
  snapshots: OpenSnapshots;
  reclaim: SegmentReclaimerOptions;
  /** Whether the format file says that there are segments. */
  hasSegments: boolean;
  /** Says so, durably, before the first one is used. */
  willHaveSegments(): Promise<void>;
  /** Default 64 MiB: smaller ones for tests. */
  segmentMinBytes?: number | undefined;
  probe?: FileProbe | undefined;
  onTrouble(message: string): void;
}

/**
 * Runs in append-only files (storage/README.md). Their rows lie in the database that `LogIndex` stands for, in the same batches as
 * all others; what this process knows of the segments is exact for what these batches say so far.
 */
export class ValueLog {
  readonly files: SegmentFiles;
  /** The store was closed in order: then nothing can have been cut off. */
  closedInOrder = false;
  readonly #reclaimer: SegmentReclaimer;
  #index: LogIndex | undefined;
  #segments = new Map<number, Segment>();
  #active: Segment | undefined;
  #opening: Promise<void> | undefined;
  /** Whose rows the next batch is to have. */
  #changed = new Set<Segment>();
  /** Live runs that the rows in the flying batch name. */
  #flying = new Map<Segment, number>();
  #wasOpened = false;
  #hasSegments: boolean;

  constructor(private readonly options: ValueLogOptions) {
    this.files = new SegmentFiles(options.directory, options.storeId, options.probe);
    this.#hasSegments = options.hasSegments;
    this.#reclaimer = new SegmentReclaimer(this, options.snapshots, options.reclaim, options.onTrouble);
  }

  get index(): LogIndex {
    if (!this.#index) throw new StoreUnavailable('the value log is not open');
    return this.#index;
  }

  get space(): FreeSpace {
    return this.options.space;
  }

  /** Of those in use. */
  get segments(): ReadonlyMap<number, Segment> {
    return this.#segments;
  }

  /** The rows can be read again, or for the first time. @throws StoreDamaged naming what is missing */
  async opened(index: LogIndex): Promise<void> {
    this.#index = index;
    const isStart = !this.#wasOpened;
    const loaded = await loadSegments(this.files, index, {
      required: this.#hasSegments,
      append: isStart,
      limitBytes: (total) => this.#limitBytes(total),
    });
    this.#segments = loaded.segments;
    this.#active = loaded.active;
    for (const segment of loaded.segments.values()) {
      if (segment.isDone && !segment.row.sealed) this.#seal(segment);
    }
    if (isStart && !this.closedInOrder) this.#reclaimer.verify(loaded.wereWritten);
    this.#wasOpened = true;
    this.#reclaimer.schedule();
  }

  /** What wasn't acknowledged by now never is. Files stay open for those who still write to them. */
  poisoned(): void {
    const given = [...this.#segments.values()];
    this.#segments = new Map();
    this.#active = undefined;
    this.#changed.clear();
    this.#flying.clear();
    for (const segment of given) if (segment.writers === 0) closeFile(segment);
  }

  async closing(): Promise<void> {
    await this.#reclaimer.close();
  }

  closed(): void {
    if (this.#active && this.#active.writers === 0) closeFile(this.#active);
    this.files.closeIdle();
  }

  /** @throws StoreUnavailable */
  async put(owner: Uint8Array, values: Buffer[]): Promise<Run> {
    const room = await this.room(
      owner,
      values.map(({ length }) => length),
    );
    try {
      await room.write(values, 0);
      return await room.commit(values.reduce((crc, value) => crc32c(value, crc), 0));
    } finally {
      await room.abandon();
    }
  }

  /** @throws StoreUnavailable */
  async room(owner: Uint8Array, lengths: number[]): Promise<Room> {
    for (;;) {
      this.index.requireOpen();
      const segment = this.#active;
      if (segment && !segment.full) {
        const offset = segment.take(frameBytes(lengths));
        return new Room(this, segment, offset, Buffer.from(owner), lengths);
      }
      this.#opening ??= this.#open().finally(() => {
        this.#opening = undefined;
      });
      await this.#opening;
    }
  }

  requireCurrent(segment: Segment): void {
    this.index.requireOpen();
    if (this.#segments.get(segment.id) !== segment) throw new StoreUnavailable('not written: the store was reopened');
  }

  changed(added: Frame, replaced: Frame | undefined): void {
    const segment = this.#segments.get(added.segment)!;
    segment.added(added);
    this.#changed.add(segment);
    if (!replaced) return;
    this.freed(replaced);
    // What reads it where it was keeps it there.
    this.options.snapshots.deleted(frameBytes(replaced.lengths));
  }

  /** In the batch that takes a frame's row away. */
  freed(frame: Frame): void {
    const segment = this.#segments.get(frame.segment);
    if (!segment) throw new StoreDamaged(`${this.files.path(frame.segment)} has no row`);
    segment.freed(frame);
    this.#changed.add(segment);
  }

  left(segment: Segment): void {
    segment.writers--;
    if (this.#segments.get(segment.id) !== segment) {
      if (segment.writers === 0) closeFile(segment);
    } else if (segment.isDone) this.#seal(segment);
  }

  totals(): { segments: number; liveBytes: number; deadBytes: number } {
    const all = [...this.#segments.values()];
    return {
      segments: all.length,
      liveBytes: all.reduce((bytes, { row }) => bytes + row.liveBytes, 0),
      deadBytes: all.reduce((bytes, { deadBytes }) => bytes + deadBytes, 0),
    };
  }

  /** What isn't as it was written about a frame that a row names; undefined: nothing. */
  async damageOf(frame: Frame): Promise<string | undefined> {
    try {
      const file = await this.files.hold(frame.segment);
      try {
        await verifyFrame({ fd: file.fd, path: this.files.path(frame.segment) }, frame);
      } finally {
        file.release();
      }
      return undefined;
    } catch (error) {
      if (error instanceof StoreDamaged) return error.message;
      throw error;
    }
  }

  /** No more comes to the segment that is being written, if nobody is writing to it. */
  endActive(): void {
    const segment = this.#active;
    if (!segment || segment.writers > 0) return;
    segment.full = true;
    this.#seal(segment);
  }

  get active(): Segment | undefined {
    return this.#active;
  }

  /** Just before a batch is written. */
  beforeWrite(batch: Batch): void {
    for (const { id, row } of this.#changed) batch.put(segmentKey(id), segmentRow(row));
    this.#flying = new Map([...this.#changed].map((segment) => [segment, segment.row.liveRuns]));
    this.#changed.clear();
  }

  /** The batch is durable. */
  afterWrite(): void {
    for (const [segment, liveRuns] of this.#flying) {
      segment.durableRuns = liveRuns;
      segment.seenBy = this.options.snapshots.latest;
      if (liveRuns === 0 || segment.isMostlyDead) this.#reclaimer.schedule();
    }
    this.#flying.clear();
  }

  /** The file is gone: its row goes too. */
  async forget(segment: Segment): Promise<void> {
    await this.index.write((batch) => batch.del(segmentKey(segment.id)));
    this.#segments.delete(segment.id);
  }

  #seal(segment: Segment): void {
    closeFile(segment);
    if (this.#active === segment) this.#active = undefined;
    segment.row.sealed = true;
    this.#changed.add(segment);
  }

  async #open(): Promise<void> {
    const index = this.index;
    const known = this.#segments;
    const id = await index.draw(1);
    let file: HeldFile | undefined;
    try {
      file = await this.files.create(id, [...known.keys()]);
      if (!this.#hasSegments) await this.options.willHaveSegments();
      this.#hasSegments = true;
    } catch (error) {
      file?.release();
      throw new StoreUnavailable(`no segment could be made: ${(error as Error).message}`);
    }
    // The store may have been reopened meanwhile: then this file is nobody's.
    if (this.#segments !== known) return file.release();
    const { liveBytes, deadBytes } = this.totals();
    const segment = Segment.empty(id, this.#limitBytes(liveBytes + deadBytes));
    segment.file = file;
    known.set(id, segment);
    this.#active = segment;
  }

  #limitBytes(totalBytes: number): number {
    const least = this.options.segmentMinBytes ?? SEGMENT_MIN_BYTES;
    return Math.min(SEGMENT_MAX_BYTES, Math.max(least, totalBytes / SEGMENTS_AT_LEAST));
  }
}

function closeFile(segment: Segment): void {
  segment.file?.release();
  segment.file = undefined;
}
