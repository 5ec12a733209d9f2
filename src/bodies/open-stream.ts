import type { Borrow } from '../base/stream.js';
import type { BodyKeys, BodyShape } from '../encryption/body-keys.js';
import type { Span } from '../encryption/body-opener.js';
import { errorOf } from './faults.js';
import { handOver, wipe } from './handover.js';
import type { FromThread, Place } from './messages.js';
import { type Holding, SLOT_BYTES, type Slots } from './slots.js';
import type { BodyThreads, Job } from './threads.js';

/** Whoever holds slots kept others waiting and took nothing. */
export class ReaderStalled extends Error {
  override name = 'ReaderStalled';
}

/** Ciphertext that is known to the thread beyond what came out of it, bytes. */
const AHEAD_BYTES = 4 * 1024 * 1024;

/** A body on its way out of the store: places of ciphertext go in, slots of plaintext come out, in order. */
export class OpenStream {
  readonly #slots: Slots;
  readonly #job: Job;
  readonly #keys: SharedArrayBuffer;
  readonly #holding: Holding;
  /** Slots that the thread has. */
  readonly #atThread = new Set<number>();
  #asked = 0;
  #out = 0;
  #fed = 0;
  #failure: Error | undefined;
  #borrow: Borrow | undefined;
  #settle: { resolve(): void; reject(error: Error): void } | undefined;
  #onRoom: (() => void) | undefined;

  /** `length`: of plaintext in all, above 0. */
  constructor(
    threads: BodyThreads,
    keys: BodyKeys,
    private readonly length: number,
  ) {
    this.#slots = threads.slots;
    this.#keys = handOver(keys);
    this.#holding = this.#slots.answers.hold({
      onSlot: (slot) => this.#fill(slot),
      onStalled: () => this.abort(new ReaderStalled('a client took nothing while others waited')),
    });
    this.#job = threads.begin({
      message: (message) => this.#take(message),
      lost: (error) => {
        this.#reclaim();
        this.abort(error);
      },
    });
    const { bucketId, objectId } = keys.ids;
    const hasOuterKey = keys.outerKey !== undefined;
    this.#job.send({ kind: 'open', job: this.#job.id, keys: this.#keys, hasOuterKey, bucketId, objectId, length });
  }

  /** What is fed from now on is of this part. */
  part({ partId, size, chunkBytes }: BodyShape, { start, end }: Span): void {
    this.#job.send({ kind: 'part', job: this.#job.id, partId, size, chunkBytes, start, end });
  }

  extents(extents: Place[]): void {
    for (const { length } of extents) this.#fed += length;
    this.#job.send({ kind: 'extents', job: this.#job.id, extents });
  }

  /** Ciphertext itself, where it lies in no file. */
  bytes(bytes: Buffer): void {
    this.#fed += bytes.length;
    this.#job.send({ kind: 'bytes', job: this.#job.id, bytes });
  }

  /** Everything was fed. */
  ended(): void {
    this.#job.send({ kind: 'fed', job: this.#job.id });
  }

  /** Bytes of ciphertext that were fed so far. */
  get fed(): number {
    return this.#fed;
  }

  /** Bytes of plaintext that came out so far. */
  get out(): number {
    return this.#out;
  }

  /** When more may be fed. @throws what the stream failed with */
  async room(aheadBytes = AHEAD_BYTES): Promise<void> {
    while (!this.#failure && this.#fed - this.#out >= aheadBytes) {
      await new Promise<void>((resolve) => {
        this.#onRoom = resolve;
      });
    }
    if (this.#failure) throw this.#failure;
  }

  /** Resolves when all plaintext was handed to `borrow`; its slots come back as they are released, later as well. */
  run(borrow: Borrow): Promise<void> {
    this.#borrow = borrow;
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      if (this.#failure) reject(this.#failure);
      else this.#more();
    });
  }

  /** Ends `run` and `room` with the error. */
  abort(error: Error): void {
    if (this.#failure) return;
    this.#failure = error;
    this.#settle?.reject(error);
    this.#onRoom?.();
  }

  /** Resolves when the thread touches nothing of it any more. Slots that were lent come back when they are released. */
  async close(): Promise<void> {
    this.abort(new Error('a body was closed'));
    await this.#job.end();
    this.#reclaim();
    this.#holding.close();
    wipe(this.#keys);
  }

  #more(): void {
    while (!this.#failure && this.#asked < this.length) {
      const slot = this.#holding.take();
      if (slot === undefined) return;
      this.#ask(slot);
    }
  }

  /** A slot that was waited for. */
  #fill(slot: number): void {
    if (this.#failure || this.#asked >= this.length) {
      this.#holding.give(slot);
      return;
    }
    this.#ask(slot);
    this.#more();
  }

  #ask(slot: number): void {
    // Every slot but the last is filled.
    this.#asked += SLOT_BYTES;
    this.#atThread.add(slot);
    this.#job.send({ kind: 'fill', job: this.#job.id, slot });
  }

  #take(message: Exclude<FromThread, { kind: 'ended' }>): void {
    if (message.kind === 'failed') {
      this.#reclaim();
      this.abort(errorOf(message.fault));
    } else if (message.kind === 'filled') this.#filled(message.slot, message.length);
  }

  #filled(slot: number, length: number): void {
    this.#atThread.delete(slot);
    let released = false;
    const release = (): void => {
      if (released) return;
      released = true;
      this.#holding.give(slot);
      this.#more();
    };
    if (this.#failure) {
      release();
      return;
    }
    this.#out += length;
    this.#onRoom?.();
    try {
      this.#borrow!(this.#slots.view(slot).subarray(0, length), release);
    } catch (error) {
      this.abort(error as Error);
    }
    if (this.#out === this.length) this.#settle!.resolve();
  }

  /** The thread doesn't touch them. */
  #reclaim(): void {
    for (const slot of this.#atThread) this.#holding.give(slot);
    this.#atThread.clear();
  }
}
