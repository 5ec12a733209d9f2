import { createCipheriv, randomBytes } from 'node:crypto';
import { BufferPool } from '../base/buffer-pool.js';
import { BLOB_VALUE_BYTES } from '../base/limits.js';
import type { Secret } from '../base/secret.js';
import {
  CHUNKS_MAX,
  deriveMessageKeys,
  HEADER_BYTES,
  type MessageKeys,
  SALT_BYTES,
  TAG_BYTES,
  writeNonce,
} from './cobblestone.js';

export const CHUNK_BYTES = 16 * 1024;

/** Values of full size come from here; whoever has written one gives it back. It holds ciphertext alone. */
export const VALUE_POOL = new BufferPool(BLOB_VALUE_BYTES, 48);
/** Plaintext that doesn't fill a chunk yet; zeroed before it is given back. */
const CARRY_POOL = new BufferPool(CHUNK_BYTES, 64);

/**
 * Encrypts a body as it arrives. The ciphertext comes out as values of exactly `valueBytes` that nobody writes to again: what is
 * encrypted is copied once, into the buffer that the store gets.
 */
export class BodySealer {
  readonly chunkBytes: number;
  readonly #keys: MessageKeys;
  readonly #nonce = Buffer.alloc(12);
  readonly #valueBytes: number;
  readonly #carry: Buffer;
  #carried = 0;
  #chunk = 0;
  #ended = false;
  /** The value being filled; made with the first chunk. */
  #value: Buffer | undefined;
  #filled = 0;
  readonly #salt: Buffer;

  /** `context`: see `bodyContext`. */
  constructor(
    dataKey: Secret,
    context: Uint8Array,
    options: { chunkBytes?: number; valueBytes?: number; salt?: Buffer } = {},
  ) {
    const salt = options.salt ?? randomBytes(SALT_BYTES);
    this.chunkBytes = options.chunkBytes ?? CHUNK_BYTES;
    this.#valueBytes = options.valueBytes ?? BLOB_VALUE_BYTES;
    this.#keys = deriveMessageKeys(dataKey.expose(), salt, context);
    this.#salt = salt;
    this.#carry = this.chunkBytes === CHUNK_BYTES ? CARRY_POOL.take() : Buffer.allocUnsafeSlow(this.chunkBytes);
    if (this.#valueBytes < HEADER_BYTES) throw new RangeError('values are shorter than a message header');
  }

  /** Returns the values that became complete. */
  update(plaintext: Buffer): Buffer[] {
    const whole: Buffer[] = [];
    let at = 0;
    if (this.#carried > 0) {
      at = Math.min(plaintext.length, this.chunkBytes - this.#carried);
      plaintext.copy(this.#carry, this.#carried, 0, at);
      this.#carried += at;
      if (this.#carried < this.chunkBytes) return whole;
      this.#seal(this.#carry, whole);
      this.#carried = 0;
    }
    for (; plaintext.length - at >= this.chunkBytes; at += this.chunkBytes) {
      this.#seal(plaintext.subarray(at, at + this.chunkBytes), whole);
    }
    this.#carried = plaintext.copy(this.#carry, 0, at);
    return whole;
  }

  /** Ends the message: the rest, the last value shorter than the others. The message key is zeroed. Called once. */
  final(): Buffer[] {
    if (this.#ended) throw new Error('this message has ended');
    this.#ended = true;
    const whole: Buffer[] = [];
    const last = this.#carry.subarray(0, this.#carried);
    // A body of one chunk gets a buffer of its exact size.
    if (!this.#value) this.#begin(Math.min(this.#valueBytes, HEADER_BYTES + last.length + TAG_BYTES), whole);
    this.#seal(last, whole);
    if (this.#filled > 0) whole.push(this.#value!.subarray(0, this.#filled));
    this.#keys.key.fill(0);
    this.#carry.fill(0);
    CARRY_POOL.give(this.#carry);
    return whole;
  }

  #begin(bytes: number, whole: Buffer[]): void {
    this.#value = bytes === BLOB_VALUE_BYTES ? VALUE_POOL.take() : Buffer.allocUnsafeSlow(bytes);
    this.#emit(this.#salt, whole);
    this.#emit(this.#keys.commitment, whole);
  }

  #seal(plaintext: Buffer, whole: Buffer[]): void {
    if (!this.#value) this.#begin(this.#valueBytes, whole);
    if (this.#chunk >= CHUNKS_MAX) throw new RangeError('message of more than 2^38 chunks');
    writeNonce(this.#nonce, this.#keys.baseNonce, this.#chunk++);
    const cipher = createCipheriv('aes-256-gcm', this.#keys.key, this.#nonce);
    const ciphertext = cipher.update(plaintext);
    cipher.final();
    this.#emit(ciphertext, whole);
    this.#emit(cipher.getAuthTag(), whole);
  }

  #emit(bytes: Buffer, whole: Buffer[]): void {
    let at = 0;
    while (at < bytes.length) {
      const value = this.#value!;
      const copied = bytes.copy(value, this.#filled, at);
      this.#filled += copied;
      at += copied;
      if (this.#filled < this.#valueBytes) continue;
      whole.push(value);
      this.#value =
        this.#valueBytes === BLOB_VALUE_BYTES ? VALUE_POOL.take() : Buffer.allocUnsafeSlow(this.#valueBytes);
      this.#filled = 0;
    }
  }
}
