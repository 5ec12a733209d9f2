import { createCipheriv, randomBytes } from 'node:crypto';
import { BufferPool } from '../base/buffer-pool.js';
import { copyTo } from '../base/bytes.js';
import type { Secret } from '../base/secret.js';
import { CHUNKS_MAX, deriveMessageKeys, type MessageKeys, SALT_BYTES, writeNonce } from './cobblestone.js';

/** Chunk sizes of bodies: small ones, so that a short range opens little; large ones cost a third less a byte. FORMAT.md, "Body". */
export const CHUNK_BYTES = 16 * 1024;
export const LARGE_CHUNK_BYTES = 64 * 1024;

/** Takes the next bytes of a message. They are its own. */
export type Emit = (bytes: Buffer) => void;

/** Encrypts a body as it arrives; the message comes out in pieces. */
export interface MessageSealer {
  readonly chunkBytes: number;
  update(plaintext: Buffer): void;
  /** Ends the message. Keys and plaintext are zeroed. Called once. */
  final(): void;
  /** Zeroes the same where there will be no end. */
  dispose(): void;
}

/** Plaintext that doesn't fill a chunk yet; zeroed before it is given back. */
const CARRY_POOLS = [new BufferPool(CHUNK_BYTES, 64), new BufferPool(LARGE_CHUNK_BYTES, 32)];
const carryPool = (bytes: number): BufferPool | undefined => CARRY_POOLS.find((pool) => pool.bytes === bytes);

/** One message: header, then chunks with their tags. */
export class OneMessageSealer implements MessageSealer {
  readonly chunkBytes: number;
  readonly #keys: MessageKeys;
  readonly #salt: Buffer;
  readonly #nonce = Buffer.alloc(12);
  #carry: Buffer | undefined;
  #carried = 0;
  #chunk = 0;

  /** `context`: see `bodyContext`. */
  constructor(
    dataKey: Secret,
    context: Uint8Array,
    private readonly emit: Emit,
    options: { chunkBytes?: number; salt?: Buffer } = {},
  ) {
    this.#salt = options.salt ?? randomBytes(SALT_BYTES);
    this.chunkBytes = options.chunkBytes ?? CHUNK_BYTES;
    this.#keys = deriveMessageKeys(dataKey.expose(), this.#salt, context);
    this.#carry = carryPool(this.chunkBytes)?.take() ?? Buffer.allocUnsafeSlow(this.chunkBytes);
  }

  /** Plaintext that waits for the rest of its chunk, bytes. */
  get carried(): number {
    return this.#carried;
  }

  update(plaintext: Buffer): void {
    const carry = this.#open();
    let at = 0;
    if (this.#carried > 0) {
      at = Math.min(plaintext.length, this.chunkBytes - this.#carried);
      copyTo(carry, this.#carried, plaintext.subarray(0, at));
      this.#carried += at;
      if (this.#carried < this.chunkBytes) return;
      this.#seal(carry);
      this.#carried = 0;
    }
    for (; plaintext.length - at >= this.chunkBytes; at += this.chunkBytes) {
      this.#seal(plaintext.subarray(at, at + this.chunkBytes));
    }
    const rest = plaintext.subarray(at);
    copyTo(carry, 0, rest);
    this.#carried = rest.length;
  }

  final(): void {
    this.#seal(this.#open().subarray(0, this.#carried));
    this.dispose();
  }

  dispose(): void {
    const carry = this.#carry;
    if (!carry) return;
    this.#carry = undefined;
    this.#keys.key.fill(0);
    carry.fill(0);
    carryPool(this.chunkBytes)?.give(carry);
  }

  #open(): Buffer {
    if (!this.#carry) throw new Error('this message has ended');
    return this.#carry;
  }

  #seal(plaintext: Buffer): void {
    if (this.#chunk >= CHUNKS_MAX) throw new RangeError('message of more than 2^38 chunks');
    if (this.#chunk === 0) {
      this.emit(this.#salt);
      this.emit(this.#keys.commitment);
    }
    writeNonce(this.#nonce, this.#keys.baseNonce, this.#chunk++);
    const cipher = createCipheriv('aes-256-gcm', this.#keys.key, this.#nonce);
    const ciphertext = cipher.update(plaintext);
    cipher.final();
    this.emit(ciphertext);
    this.emit(cipher.getAuthTag());
  }
}
