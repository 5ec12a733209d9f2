import { inspect } from 'node:util';

const PLACEHOLDER = '[secret]';

/**
 * Room for key material. V8 keeps small buffers among its own objects, moves them about and leaves what they held where they lay:
 * memory of their own can be zeroed for good.
 */
export const secretBuffer = (length: number): Buffer => Buffer.from(new ArrayBuffer(length));

/**
 * Key material. Prints as a placeholder wherever it is printed by mistake, is read through one explicit call, and can be
 * zeroed. A string that the bytes were made from can't be zeroed: JavaScript has no way to.
 */
export class Secret {
  readonly #bytes: Buffer;

  /** Takes the buffer over: the caller keeps no copy. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** The bytes themselves, not a copy. The only way to them. */
  expose(): Buffer {
    return this.#bytes;
  }

  /** Overwrites the bytes with zeros. */
  dispose(): void {
    this.#bytes.fill(0);
  }

  toString(): string {
    return PLACEHOLDER;
  }

  toJSON(): string {
    return PLACEHOLDER;
  }

  [inspect.custom](): string {
    return PLACEHOLDER;
  }
}
