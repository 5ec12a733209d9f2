import { StoreUnavailable } from '../errors.js';
import { reverseKey } from '../leveldb/blob-keys.js';
import type { Reservation, Run } from '../ports.js';
import type { SegmentFiles } from './files.js';
import { type Frame, frameHeader, frameHeaderBytes, sum } from './format.js';
import type { LogIndex } from './log-index.js';
import { placeRow } from './rows.js';
import type { Segment } from './segment.js';

/** What a room needs of the log that it is part of. */
export interface RoomKeeper {
  index: LogIndex;
  files: SegmentFiles;
  /** @throws StoreUnavailable where the segment was given up, with all that wasn't acknowledged by then */
  requireCurrent(segment: Segment): void;
  /** In the batch that puts a frame's row, and takes away the one that it replaces. */
  changed(added: Frame, replaced: Frame | undefined): void;
  /** The body has come to its end, well or not. */
  left(segment: Segment): void;
}

/** Room for one frame. */
export class Room implements Reservation {
  readonly fd: number;
  readonly offset: number;
  readonly length: number;
  #ended = false;

  constructor(
    private readonly keeper: RoomKeeper,
    private readonly segment: Segment,
    private readonly frameOffset: number,
    private readonly owner: Buffer,
    private readonly lengths: number[],
  ) {
    this.fd = segment.file!.fd;
    this.offset = frameOffset + frameHeaderBytes(lengths.length);
    this.length = sum(lengths);
  }

  async commit(crc32c: number): Promise<Run> {
    return this.#once(async () => {
      const first = await this.keeper.index.draw(this.lengths.length);
      await this.#write({ ...this.#frame(first), payloadCrc: crc32c }, undefined);
      return { first, count: this.lengths.length };
    });
  }

  /** The frame takes the place of one with the same values. */
  async replace(frame: Frame): Promise<void> {
    await this.#once(() => this.#write({ ...this.#frame(frame.first), payloadCrc: frame.payloadCrc }, frame));
  }

  /** Some of the room's bytes, from `offset` within it on. @throws StoreUnavailable */
  write(buffers: Buffer[], offset: number): Promise<void> {
    return this.#writeAt(buffers, this.offset + offset);
  }

  async abandon(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.keeper.left(this.segment);
  }

  async #once<T>(work: () => Promise<T>): Promise<T> {
    if (this.#ended) throw new StoreUnavailable('this room was given back');
    this.#ended = true;
    try {
      return await work();
    } finally {
      this.keeper.left(this.segment);
    }
  }

  #frame(first: number): Omit<Frame, 'payloadCrc'> {
    const { segment, frameOffset, owner, lengths } = this;
    return { segment: segment.id, offset: frameOffset, first, owner, lengths };
  }

  async #write(frame: Frame, replaced: Frame | undefined): Promise<void> {
    const { keeper, segment } = this;
    keeper.requireCurrent(segment);
    await this.#writeAt([frameHeader(frame)], frame.offset);
    try {
      await segment.sync(keeper.files);
    } catch (error) {
      // The system forgets what it couldn't write: a later sync would say that all is well.
      keeper.index.poison(error as Error);
      throw new StoreUnavailable(`not written: ${(error as Error).message}`);
    }
    await keeper.index.write((batch) => {
      keeper.requireCurrent(segment);
      batch.put(reverseKey(frame.first), placeRow(frame));
      keeper.changed(frame, replaced);
    });
  }

  async #writeAt(buffers: Buffer[], offset: number): Promise<void> {
    try {
      await this.keeper.files.write(this.segment.id, this.fd, buffers, offset);
    } catch (error) {
      throw new StoreUnavailable(`not written: ${(error as Error).message}`);
    }
  }
}
