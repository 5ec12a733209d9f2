import { MiB } from '../../base/limits.js';
import { StoreDamaged } from '../errors.js';
import type { OpenSnapshots } from '../open-snapshots.js';
import type { Frame } from './format.js';
import { framesOf, isSameFrame, payloadOf, verifyFrame } from './frames.js';
import type { LogView } from './log-index.js';
import { isPlaceRow, parsePlaceRow } from './rows.js';
import type { Segment } from './segment.js';
import type { ValueLog } from './value-log.js';

/** So much is moved between two pauses. */
const MOVE_BYTES = 32 * MiB;
/** Moving needs room before it gives any: it stops while less than this is free. */
const MOVE_FLOOR_BYTES = 64 * MiB;

export interface SegmentReclaimerOptions {
  enabled: boolean;
  /** How long deletions are collected, and the pause between two portions that are moved. */
  pauseMs: number;
}

/** Gives the space of deleted runs back: removes segments that are dead, and empties those that are mostly dead. */
export class SegmentReclaimer {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<unknown> = Promise.resolve();
  /** The segment whose live frames are being moved, and those that are left. */
  #emptying: { segment: Segment; frames: AsyncGenerator<Frame> } | undefined;
  #closed = false;
  /** Dead segments wait for somebody who may be reading them. */
  #isWaiting = false;

  constructor(
    private readonly log: ValueLog,
    private readonly snapshots: OpenSnapshots,
    private readonly options: SegmentReclaimerOptions,
    private readonly onTrouble: (message: string) => void,
  ) {
    snapshots.onRelease(() => {
      if (this.#isWaiting) this.schedule();
    });
  }

  schedule(): void {
    if (!this.options.enabled || this.#closed) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#next(() => this.#round());
    }, this.options.pauseMs).unref();
  }

  /** In the background: reads all live frames of these segments, and names what isn't as it was written. */
  verify(segments: Segment[]): void {
    for (const segment of segments) {
      const leave = this.snapshots.enter(() => {});
      const view = this.log.index.view();
      const { end, liveRuns } = segment.row;
      this.#next(() => this.#verify(segment, { end, liveRuns, view })).finally(() => {
        leave();
        void view.close();
      });
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running;
    await this.#emptying?.frames.return(undefined);
  }

  #next(work: () => Promise<unknown>): Promise<unknown> {
    this.#running = this.#running
      .then(() => (this.#closed ? undefined : work()))
      .catch((error) => this.onTrouble(`space of deleted blobs was not reclaimed: ${(error as Error).message}`));
    return this.#running;
  }

  async #round(): Promise<void> {
    const { log } = this;
    if (log.active?.isMostlyDead) log.endActive();
    const segments = [...log.segments.values()].filter((segment) => segment.isDone && !segment.kept);
    const dead = segments.filter(({ isDead }) => isDead);
    const seen = dead.filter(({ seenBy }) => this.snapshots.isOpen(seenBy));
    this.#isWaiting = seen.length > 0;
    for (const segment of dead) if (!seen.includes(segment)) await this.#remove(segment);
    if (await this.#empty(this.#victim(segments))) this.schedule();
  }

  /** The one that was begun, or the emptiest that is mostly dead. */
  #victim(segments: Segment[]): Segment | undefined {
    const begun = this.#emptying?.segment;
    if (begun && segments.includes(begun)) return begun;
    const mostlyDead = segments.filter((segment) => !segment.isDead && segment.isMostlyDead);
    return mostlyDead.sort((a, b) => a.row.liveBytes - b.row.liveBytes)[0];
  }

  async #remove(segment: Segment): Promise<void> {
    const { log } = this;
    try {
      await this.#requireDead(segment);
      await log.files.remove(segment.id);
      await log.forget(segment);
    } catch (error) {
      if (error instanceof StoreDamaged) segment.kept = true;
      throw error;
    }
  }

  /** A last look before bytes go for good. @throws StoreDamaged */
  async #requireDead(segment: Segment): Promise<void> {
    const { log } = this;
    if ((await log.files.size(segment.id)) === undefined) return;
    for await (const frame of this.#live(segment)) {
      throw new StoreDamaged(
        `run ${frame.first} at byte ${frame.offset} is in use, its segment's row says that nothing is`,
      );
    }
  }

  /** Moves live frames elsewhere, a portion of them. @returns whether there may be more to do */
  async #empty(segment: Segment | undefined): Promise<boolean> {
    if (this.#emptying?.segment !== segment) {
      await this.#emptying?.frames.return(undefined);
      this.#emptying = segment && { segment, frames: this.#live(segment) };
    }
    if (!segment) return false;
    const { log } = this;
    const { liveBytes, deadBytes } = log.totals();
    await log.space.refresh();
    try {
      for (let left = deadBytes > liveBytes ? Number.POSITIVE_INFINITY : MOVE_BYTES; left > 0; ) {
        if (this.#closed || log.space.freeBytes < MOVE_FLOOR_BYTES) return true;
        const { value: frame, done } = await this.#emptying!.frames.next();
        if (done) return this.#emptied(segment);
        left -= await this.#move(frame);
      }
    } catch (error) {
      this.#emptying = undefined;
      if (error instanceof StoreDamaged) segment.kept = true;
      throw error;
    }
    return true;
  }

  #emptied(segment: Segment): boolean {
    this.#emptying = undefined;
    if (segment.row.liveRuns > 0) {
      segment.kept = true;
      this.onTrouble(`${this.log.files.path(segment.id)}: headers of ${segment.row.liveRuns} live runs are damaged`);
    }
    return true;
  }

  /** @returns how many bytes were copied */
  async #move(frame: Frame): Promise<number> {
    const { log } = this;
    const unlock = await log.index.lock(frame.first);
    try {
      const named = await namedBy(log.index, frame);
      if (!named) return 0;
      const path = log.files.path(named.segment);
      const from = await log.files.hold(named.segment);
      try {
        const room = await log.room(named.owner, named.lengths);
        try {
          let at = 0;
          for await (const piece of payloadOf({ fd: from.fd, path }, named)) {
            await room.write([piece], at);
            at += piece.length;
          }
          await room.replace(named);
        } finally {
          await room.abandon();
        }
        return room.length;
      } finally {
        from.release();
      }
    } finally {
      unlock();
    }
  }

  async *#live(
    segment: Segment,
    end = segment.row.end,
    view: Pick<LogView, 'reverseRow'> = this.log.index,
  ): AsyncGenerator<Frame, undefined> {
    const { files } = this.log;
    const file = await files.hold(segment.id);
    try {
      const opened = { fd: file.fd, path: files.path(segment.id) };
      for await (const frame of framesOf(opened, segment.id, end)) {
        const named = await namedBy(view, frame);
        if (named) yield named;
      }
      return undefined;
    } finally {
      file.release();
    }
  }

  async #verify(segment: Segment, { end, liveRuns, view }: { end: number; liveRuns: number; view: LogView }) {
    const { files } = this.log;
    const path = files.path(segment.id);
    const file = await files.hold(segment.id);
    try {
      let found = 0;
      for await (const frame of this.#live(segment, end, view)) {
        if (this.#closed) return;
        found++;
        await verifyFrame({ fd: file.fd, path }, frame).catch((error: Error) => this.onTrouble(error.message));
      }
      if (found !== liveRuns) this.onTrouble(`${path}: headers of ${liveRuns - found} live runs are damaged`);
    } finally {
      file.release();
    }
  }
}

/** The frame as its row names it, if that row is there and names this place. */
async function namedBy(rows: Pick<LogView, 'reverseRow'>, frame: Frame): Promise<Frame | undefined> {
  const row = await rows.reverseRow(frame.first);
  if (!row || !isPlaceRow(row)) return undefined;
  const named = parsePlaceRow(frame.first, row);
  return isSameFrame(named, frame) ? named : undefined;
}
