import type { BodyProducer, Borrow, Sink } from '../../base/stream.js';
import { OpenStream } from '../../bodies/open-stream.js';
import type { BodyThreads } from '../../bodies/threads.js';
import { type BodyKeys, messageSegments } from '../../encryption/body-keys.js';
import { StoreDamaged } from '../../store/errors.js';
import type { BlobSnapshot, HeldExtents } from '../../store/ports.js';
import type { BodyPart } from '../../store/records.js';
import { type NeededRun, neededRuns, sliceOf } from './needed.js';
import type { ReadablePart } from './reader.js';

/** From so many bytes on, a thread is worth its messages. */
export const THREAD_MIN_BYTES = 128 * 1024;
/** Of ciphertext that goes to the thread itself: it lies in messages meanwhile. */
const AHEAD_BYTES = 1024 * 1024;

/** Files that a thread may still read. */
interface Fed {
  lies: HeldExtents;
  /** How much ciphertext had been fed with it. */
  until: number;
}

/** The bytes [start, end) of a body, read and opened in a body thread: this one only says where they lie. */
export class ThreadReader implements BodyProducer {
  readonly length: number;
  #running: Promise<void> | undefined;
  #stop: (() => void) | undefined;

  constructor(
    private readonly threads: BodyThreads,
    private readonly snapshot: BlobSnapshot,
    private readonly keys: BodyKeys,
    /** The parts that the range touches, in order. */
    private readonly parts: readonly ReadablePart[],
    private readonly range: { start: number; end: number },
  ) {
    this.length = range.end - range.start;
  }

  /** Whether the body lies in files, by the first run that is wanted. */
  async isInFiles(): Promise<boolean> {
    const [part] = this.parts;
    if (!part || part.part.inline || !this.snapshot.extents) return false;
    const [first] = this.#runsOf(part);
    if (!first) return false;
    const held = await this.snapshot.extents(partIdOf(part.part), first.run, first.from, 1);
    held?.release();
    return held !== undefined;
  }

  lend(borrow: Borrow, signal: AbortSignal): Promise<void> {
    this.#running = this.#lend(borrow, signal);
    return this.#running;
  }

  async pump(sink: Sink): Promise<void> {
    const stop = new AbortController();
    let given: Promise<void> = Promise.resolve();
    const borrow: Borrow = (chunk, release) => {
      given = given.then(() => sink(chunk)).finally(release);
      given.catch((error: Error) => stop.abort(error));
    };
    await this.lend(borrow, stop.signal);
    await given;
  }

  /** Resolves when nothing is read any more. */
  async close(): Promise<void> {
    this.#stop?.();
    await this.#running?.catch(() => {});
  }

  async #lend(borrow: Borrow, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const stream = new OpenStream(this.threads, this.keys, this.length);
    const held: Fed[] = [];
    // Also while it waits for a client that doesn't read.
    this.snapshot.onLost?.((cause) => stream.abort(cause));
    const onAbort = (): void => stream.abort(signal.reason);
    signal.addEventListener('abort', onAbort);
    this.#stop = () => stream.abort(new Error('a body was closed'));
    let feeding: Promise<void> | undefined;
    try {
      feeding = this.#feed(stream, held);
      feeding.catch((error: Error) => stream.abort(error));
      await stream.run(borrow);
      await feeding;
    } finally {
      signal.removeEventListener('abort', onAbort);
      await stream.close();
      await feeding?.catch(() => {});
      for (const { lies } of held) lies.release();
    }
  }

  async #feed(stream: OpenStream, held: Fed[]): Promise<void> {
    for (const readable of this.parts) {
      const span = this.#spanOf(readable);
      if (!span) continue;
      const { part } = readable;
      const { size, chunkBytes } = part;
      const partId = partIdOf(part);
      stream.part({ partId, size, chunkBytes }, span);
      for (const needed of this.#runsOf(readable)) await this.#feedRun(stream, partId, needed, held);
    }
    stream.ended();
  }

  async #feedRun(stream: OpenStream, owner: Buffer, needed: NeededRun, held: Fed[]): Promise<void> {
    const { run, from, count, slice } = needed;
    await stream.room();
    // Ciphertext is longer than what comes of it: the thread has read all that lies this far back.
    while (held[0] && held[0].until <= stream.out) held.shift()!.lies.release();
    const lies = await this.snapshot.extents?.(owner, run, from, count);
    if (lies) {
      stream.extents(sliceOf(lies.extents, slice));
      held.push({ lies, until: stream.fed });
      return;
    }
    // A small part among large ones, or one that was written before there were files.
    let base = 0;
    for (let i = 0; i < count; i++) {
      await stream.room(AHEAD_BYTES);
      const [value] = await this.snapshot.read(owner, run, from + i, 1);
      const bytes = value!.subarray(Math.max(0, slice.start - base), Math.max(0, slice.end - base));
      if (bytes.length > 0) stream.bytes(bytes);
      base += value!.length;
    }
    if (base < slice.end) throw new StoreDamaged('a blob is shorter than its record says');
  }

  #runsOf(readable: ReadablePart): NeededRun[] {
    const { part } = readable;
    const span = this.#spanOf(readable);
    if (!span) return [];
    const { runs, valueBytes } = part;
    if (!runs || !valueBytes) throw new StoreDamaged('the record of a body names no blobs');
    return [...neededRuns(messageSegments(this.keys, part, span), runs, valueBytes)];
  }

  /** Of the part's own bytes; undefined where none is wanted. */
  #spanOf({ part, offset }: { part: BodyPart; offset: number }): { start: number; end: number } | undefined {
    const start = Math.max(0, this.range.start - offset);
    const end = Math.min(part.size, this.range.end - offset);
    return start < end ? { start, end } : undefined;
  }
}

const partIdOf = ({ partId }: BodyPart): Buffer => Buffer.from(partId, 'hex');
