import { timingSafeEqual } from 'node:crypto';

/** A digest or MAC that is compared in constant time. Holding it in a class forbids `===` on its value. */
export class Mac {
  readonly #bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes);
  }

  equals(other: Mac | Uint8Array): boolean {
    const bytes = other instanceof Mac ? other.#bytes : other;
    return bytes.length === this.#bytes.length && timingSafeEqual(bytes, this.#bytes);
  }

  /** For storing or sending it. Never compare what this returns. */
  toBytes(): Buffer {
    return Buffer.from(this.#bytes);
  }
}
