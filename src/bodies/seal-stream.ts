import type { PayloadCoding } from '../auth/payload.js';
import { copyTo } from '../base/bytes.js';
import type { BodyKeys } from '../encryption/body-keys.js';
import type { Algorithm } from './checksums.js';
import { errorOf } from './faults.js';
import { handOver, wipe } from './handover.js';
import type { FromThread, Place, SealedContent, ThreadCoding } from './messages.js';
import { type Holding, SLOT_BYTES, type Slots } from './slots.js';
import type { BodyThreads, Job } from './threads.js';

export interface SealPlan {
  keys: BodyKeys;
  partId: Buffer;
  chunkBytes: number;
  /** How the bytes were sent, where they aren't the content itself. */
  coding: PayloadCoding | undefined;
  algorithms: Algorithm[];
  /** Whether there is room for what becomes of so many bytes as sent; where a promise comes, it is asked again afterwards. */
  room(sentBytes: number): void | Promise<void>;
  /** A room was filled. */
  written(crc32c: number): void;
}

/** A body on its way into the store: what was sent goes in, and comes out written and verified. */
export class SealStream {
  readonly #slots: Slots;
  readonly #job: Job;
  readonly #keys: SharedArrayBuffer;
  readonly #holding: Holding;
  readonly #atThread = new Set<number>();
  /** The slot being filled. */
  #slot: number | undefined;
  #filled = 0;
  /** Bytes that the thread was told of. */
  #sent = 0;
  #failure: Error | undefined;
  #onSlot: (() => void) | undefined;
  #settle: { resolve(sealed: SealedContent): void; reject(error: Error): void } | undefined;

  constructor(
    threads: BodyThreads,
    private readonly plan: SealPlan,
  ) {
    const { keys, partId, chunkBytes, algorithms } = plan;
    this.#slots = threads.slots;
    this.#keys = handOver(keys, plan.coding?.signer?.parts.key);
    this.#holding = this.#slots.uploads.hold({
      onSlot: (slot) => this.#granted(slot),
      onPressed: () => this.#yield(),
    });
    this.#job = threads.begin({
      message: (message) => this.#take(message),
      lost: (error) => {
        this.#reclaim();
        this.#fail(error);
      },
    });
    const { bucketId, objectId } = keys.ids;
    this.#job.send({
      kind: 'seal',
      job: this.#job.id,
      keys: this.#keys,
      hasOuterKey: keys.outerKey !== undefined,
      bucketId,
      objectId,
      partId,
      chunkBytes,
      coding: codingOf(plan.coding),
      algorithms,
    });
  }

  /** Where what comes behind the rooms so far goes. */
  room(room: Place): void {
    this.#job.send({ kind: 'room', job: this.#job.id, room });
  }

  /** A sink for `BodySource.pump` that takes at once: what has to wait is copied. */
  write(chunk: Buffer): void | Promise<void> {
    const copied = this.#copy(chunk, 0);
    if (copied < chunk.length) return this.#writeRest(Buffer.from(chunk.subarray(copied)), 0);
  }

  /** All was sent. Resolves when it is sealed, written and verified. */
  async finish(): Promise<SealedContent> {
    while (this.#slot !== undefined && !this.#failure && !this.#handOn()) await this.#room();
    if (this.#failure) throw this.#failure;
    this.#job.send({ kind: 'finish', job: this.#job.id });
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
  }

  /** Whoever waits is told. */
  abort(error: Error): void {
    this.#fail(error);
  }

  /** Resolves when the thread touches nothing of it any more, its files among it. */
  async close(): Promise<void> {
    this.#fail(new Error('a body was closed'));
    await this.#job.end();
    this.#reclaim();
    if (this.#slot !== undefined) this.#holding.give(this.#slot);
    this.#slot = undefined;
    this.#holding.close();
    wipe(this.#keys);
  }

  /** Copies what goes without waiting. @returns up to where. @throws what the stream failed with */
  #copy(chunk: Buffer, from: number): number {
    for (let at = from; ; ) {
      if (this.#failure) throw this.#failure;
      const isDue = this.#filled === SLOT_BYTES || (this.#filled > 0 && this.#holding.pressed);
      if (isDue && !this.#handOn()) return at;
      if (at === chunk.length) return at;
      this.#slot ??= this.#holding.take();
      if (this.#slot === undefined) return at;
      const piece = chunk.subarray(at, at + SLOT_BYTES - this.#filled);
      copyTo(this.#slots.view(this.#slot), this.#filled, piece);
      at += piece.length;
      this.#filled += piece.length;
    }
  }

  async #writeRest(chunk: Buffer, from: number): Promise<void> {
    for (let at = from; at < chunk.length; at = this.#copy(chunk, at)) {
      if (this.#slot !== undefined) await this.#room();
      else {
        await new Promise<void>((resolve) => {
          this.#onSlot = resolve;
        });
      }
    }
  }

  #room(): void | Promise<void> {
    return this.plan.room(this.#sent + this.#filled);
  }

  /** Gives the slot to the thread. `false`: there is no room yet for what becomes of it. */
  #handOn(): boolean {
    if (this.#slot === undefined) return true;
    if (this.#room()) return false;
    const slot = this.#slot;
    this.#atThread.add(slot);
    this.#job.send({ kind: 'data', job: this.#job.id, slot, length: this.#filled });
    this.#sent += this.#filled;
    this.#slot = undefined;
    this.#filled = 0;
    return true;
  }

  /** Others wait: a slow client's slot isn't kept until it is full. */
  #yield(): void {
    try {
      if (!this.#failure && this.#filled > 0) this.#handOn();
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #granted(slot: number): void {
    if (this.#failure || this.#slot !== undefined) {
      this.#holding.give(slot);
      return;
    }
    this.#slot = slot;
    this.#wake();
  }

  #take(message: Exclude<FromThread, { kind: 'ended' }>): void {
    switch (message.kind) {
      case 'taken':
        if (this.#atThread.delete(message.slot)) this.#holding.give(message.slot);
        this.#wake();
        return;
      case 'written':
        this.plan.written(message.crc32c);
        return;
      case 'finished':
        this.#settle?.resolve(message.sealed);
        return;
      case 'failed':
        this.#reclaim();
        this.#fail(errorOf(message.fault));
    }
  }

  #wake(): void {
    const wake = this.#onSlot;
    this.#onSlot = undefined;
    wake?.();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#settle?.reject(this.#failure);
    this.#wake();
  }

  /** The thread doesn't touch them. */
  #reclaim(): void {
    for (const slot of this.#atThread) this.#holding.give(slot);
    this.#atThread.clear();
  }
}

const codingOf = (coding: PayloadCoding | undefined): ThreadCoding | undefined =>
  coding && {
    payload: coding.payload,
    headers: coding.headers,
    signer: coding.signer && {
      seed: coding.signer.seed,
      date: coding.signer.parts.date,
      scope: coding.signer.parts.scope,
    },
  };
