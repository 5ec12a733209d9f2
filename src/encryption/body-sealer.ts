import { BufferPool } from '../base/buffer-pool.js';
import { BLOB_VALUE_BYTES } from '../base/limits.js';
import { HEADER_BYTES, TAG_BYTES } from './cobblestone.js';
import type { Emit, MessageSealer } from './message-sealer.js';

/** Values of full size come from here; whoever has written one gives it back. It holds ciphertext alone. */
export const VALUE_POOL = new BufferPool(BLOB_VALUE_BYTES, 48);

/**
 * Cuts a body's message into values of exactly `valueBytes` that nobody writes to again: what is encrypted is copied once, into
 * the buffer that the store gets.
 */
export class BodySealer {
  readonly #message: MessageSealer;
  /** Bytes of plaintext so far, counted up to a chunk. */
  #taken = 0;
  #ended = false;
  /** The value being filled; made with the first chunk. */
  #value: Buffer | undefined;
  #filled = 0;
  #whole: Buffer[] = [];

  constructor(
    seal: (emit: Emit) => MessageSealer,
    private readonly valueBytes = BLOB_VALUE_BYTES,
  ) {
    if (valueBytes < HEADER_BYTES) throw new RangeError('values are shorter than a message header');
    this.#message = seal((bytes) => this.#emit(bytes));
  }

  get chunkBytes(): number {
    return this.#message.chunkBytes;
  }

  /** Returns the values that became complete. */
  update(plaintext: Buffer): Buffer[] {
    this.#taken += plaintext.length;
    this.#message.update(plaintext);
    return this.#take();
  }

  /** Ends the message: the rest, the last value shorter than the others. Called once. */
  final(): Buffer[] {
    if (this.#ended) throw new Error('this message has ended');
    this.#ended = true;
    // A body of one chunk gets a buffer of its size. In two layers it may become two chunks of the outer one.
    if (!this.#value) this.#begin(Math.min(this.valueBytes, this.#taken + 2 * HEADER_BYTES + 4 * TAG_BYTES));
    this.#message.final();
    if (this.#filled > 0) this.#whole.push(this.#value!.subarray(0, this.#filled));
    return this.#take();
  }

  /** There will be no end: keys and plaintext are zeroed. */
  dispose(): void {
    this.#message.dispose();
  }

  #take(): Buffer[] {
    const whole = this.#whole;
    if (whole.length > 0) this.#whole = [];
    return whole;
  }

  #begin(bytes: number): void {
    this.#value = bytes === BLOB_VALUE_BYTES ? VALUE_POOL.take() : Buffer.allocUnsafeSlow(bytes);
    this.#filled = 0;
  }

  #emit(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (!this.#value) this.#begin(this.valueBytes);
      const value = this.#value!;
      const copied = bytes.copy(value, this.#filled, at);
      this.#filled += copied;
      at += copied;
      if (this.#filled < value.length) continue;
      this.#whole.push(value);
      this.#value = undefined;
      this.#filled = 0;
    }
  }
}
