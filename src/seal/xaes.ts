import { type Cipher, createCipheriv, createDecipheriv } from 'node:crypto';
import { StoreDamaged } from '../base/damaged.js';
import { drawPublic } from '../base/random-pool.js';
import type { Secret } from '../base/secret.js';

const NONCE_BYTES = 24;
const TAG_BYTES = 16;
const BLOCK_BYTES = 16;

/** What `seal` adds to the plaintext. */
export const XAES_OVERHEAD_BYTES = NONCE_BYTES + TAG_BYTES;

/**
 * XAES-256-GCM (https://c2sp.org/XAES-256-GCM): AES-256-GCM under a key derived for each message, with 24-byte nonces that can
 * be drawn at random for 2^80 messages. Plain AES-256-GCM with random nonces allows 2^32 under one key, and all records of a
 * type share one.
 *
 * @example
 * const sealed = xaes.seal(Buffer.from('where it lies'), Buffer.from('what it is'));
 * xaes.open(Buffer.from('where it lies'), sealed); // 'what it is'
 */
export class Xaes {
  /** Kept for the life of the key: setting one up costs more than the two blocks it encrypts. */
  readonly #ecb: Cipher;
  /** CMAC's subkey K1. */
  readonly #k1: Buffer;
  readonly #two = Buffer.alloc(2 * BLOCK_BYTES);

  /** `key`: 32 bytes. */
  constructor(key: Secret) {
    if (key.length !== 32) throw new RangeError(`XAES-256-GCM key of ${key.length} bytes, it has 32`);
    this.#ecb = createCipheriv('aes-256-ecb', key.expose(), null).setAutoPadding(false);
    this.#k1 = double(this.#ecb.update(Buffer.alloc(BLOCK_BYTES)));
  }

  /** Returns `headroom` unwritten bytes (for the caller's header) ‖ nonce ‖ ciphertext ‖ tag. */
  seal(aad: Uint8Array, plaintext: Uint8Array, headroom = 0): Buffer {
    const out = Buffer.allocUnsafe(headroom + XAES_OVERHEAD_BYTES + plaintext.length);
    const nonce = out.subarray(headroom, headroom + NONCE_BYTES);
    drawPublic(NONCE_BYTES).copy(nonce);
    this.#encrypt(nonce, aad, plaintext, out.subarray(headroom + NONCE_BYTES));
    return out;
  }

  /** @throws StoreDamaged where key, AAD or any byte is another one. */
  open(aad: Uint8Array, sealed: Uint8Array): Buffer {
    if (sealed.length < XAES_OVERHEAD_BYTES) throw new StoreDamaged('sealed value is too short');
    const key = this.#messageKey(sealed);
    try {
      return decrypt(key, aad, sealed);
    } finally {
      key.fill(0);
    }
  }

  /** As `open`, of many: their keys are worked out in one call. @throws StoreDamaged with the index of the first that doesn't open */
  openMany(values: readonly { aad: Uint8Array; sealed: Uint8Array }[]): Buffer[] {
    const blocks = Buffer.allocUnsafe(values.length * 2 * BLOCK_BYTES);
    for (const [i, { sealed }] of values.entries()) {
      if (sealed.length < XAES_OVERHEAD_BYTES) throw new NotOpened(i, 'sealed value is too short');
      this.#writeBlocks(sealed, blocks, i * 2 * BLOCK_BYTES);
    }
    const keys = this.#ecb.update(blocks);
    try {
      return values.map(({ aad, sealed }, i) => {
        try {
          return decrypt(keys.subarray(i * 2 * BLOCK_BYTES, (i + 1) * 2 * BLOCK_BYTES), aad, sealed);
        } catch (error) {
          throw new NotOpened(i, (error as Error).message);
        }
      });
    } finally {
      keys.fill(0);
    }
  }

  /** With a nonce of the caller's: for published vectors only. Returns ciphertext ‖ tag. */
  sealWithNonceForTest(nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Buffer {
    const out = Buffer.alloc(plaintext.length + TAG_BYTES);
    this.#encrypt(nonce, aad, plaintext, out);
    return out;
  }

  #encrypt(nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array, out: Buffer): void {
    const key = this.#messageKey(nonce);
    const cipher = createCipheriv('aes-256-gcm', key, nonce.subarray(12, NONCE_BYTES));
    key.fill(0);
    cipher.setAAD(aad);
    cipher.update(plaintext).copy(out);
    cipher.final();
    cipher.getAuthTag().copy(out, plaintext.length);
  }

  #messageKey(nonce: Uint8Array): Buffer {
    this.#writeBlocks(nonce, this.#two, 0);
    return this.#ecb.update(this.#two);
  }

  /**
   * What is encrypted to the message key: CMAC of 00 ‖ counter ‖ 'X' ‖ 00 ‖ first half of the nonce, which is one whole block each
   * for counter 1 and 2.
   */
  #writeBlocks(nonce: Uint8Array, blocks: Buffer, at: number): void {
    const k1 = this.#k1;
    const second = at + BLOCK_BYTES;
    blocks[at] = blocks[second] = k1[0]!;
    blocks[at + 1] = k1[1]! ^ 1;
    blocks[second + 1] = k1[1]! ^ 2;
    blocks[at + 2] = blocks[second + 2] = k1[2]! ^ 0x58;
    blocks[at + 3] = blocks[second + 3] = k1[3]!;
    for (let i = 4; i < BLOCK_BYTES; i++) blocks[at + i] = blocks[second + i] = k1[i]! ^ nonce[i - 4]!;
  }
}

/** One of many values. */
export class NotOpened extends StoreDamaged {
  constructor(
    readonly index: number,
    message: string,
  ) {
    super(message);
  }
}

/** `sealed`: nonce ‖ ciphertext ‖ tag. @throws StoreDamaged */
function decrypt(key: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Buffer {
  const end = sealed.length - TAG_BYTES;
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(12, NONCE_BYTES), GCM);
    decipher.setAAD(aad);
    decipher.setAuthTag(sealed.subarray(end));
    const plaintext = decipher.update(sealed.subarray(NONCE_BYTES, end));
    decipher.final();
    return plaintext;
  } catch {
    throw new StoreDamaged('sealed value does not open');
  }
}

const GCM = { authTagLength: TAG_BYTES };

/** Multiplication by x in GF(2^128), as CMAC defines it. */
function double(block: Buffer): Buffer {
  const out = Buffer.alloc(BLOCK_BYTES);
  for (let i = 0; i < BLOCK_BYTES; i++) out[i] = (block[i]! << 1) | ((block[i + 1] ?? 0) >>> 7);
  out[BLOCK_BYTES - 1]! ^= (block[0]! >>> 7) * 0x87;
  return out;
}
