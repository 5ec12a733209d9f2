import type { Secret } from '../base/secret.js';
import { BodyOpener, type Opener, type Span } from './body-opener.js';
import { BodySealer, CHUNK_BYTES } from './body-sealer.js';
import { ciphertextLength } from './cobblestone.js';

/** DSSE-KMS: an inner message under one key, an outer message over it under another. Either key alone opens nothing. */
export class LayeredSealer {
  readonly chunkBytes = CHUNK_BYTES;
  readonly #inner: BodySealer;
  readonly #outer: BodySealer;

  constructor(innerKey: Secret, outerKey: Secret, context: (layer: 0 | 1) => Uint8Array) {
    this.#inner = new BodySealer(innerKey, context(0), { valueBytes: 4 * (CHUNK_BYTES + 16) });
    this.#outer = new BodySealer(outerKey, context(1));
  }

  update(plaintext: Buffer): Buffer[] {
    return this.#inner.update(plaintext).flatMap((value) => this.#outer.update(value));
  }

  final(): Buffer[] {
    const rest = this.#inner.final().flatMap((value) => this.#outer.update(value));
    return [...rest, ...this.#outer.final()];
  }
}

/** The ranges of the inner message that a range of the plaintext needs are the outer message's ranges of plaintext. */
export class LayeredOpener implements Opener {
  readonly segments: readonly Span[];
  readonly #inner: BodyOpener;
  readonly #outer: BodyOpener;

  constructor(
    innerKey: Secret,
    outerKey: Secret,
    context: (layer: 0 | 1) => Uint8Array,
    plaintextLength: number,
    ranges: readonly Span[],
    chunkBytes: number,
  ) {
    this.#inner = new BodyOpener(innerKey, context(0), plaintextLength, ranges, chunkBytes);
    const innerLength = ciphertextLength(plaintextLength, chunkBytes);
    this.#outer = new BodyOpener(outerKey, context(1), innerLength, this.#inner.segments, chunkBytes);
    this.segments = this.#outer.segments;
  }

  update(ciphertext: Buffer): Buffer[] {
    return this.#outer.update(ciphertext).flatMap((plaintext) => this.#inner.update(plaintext));
  }

  final(): void {
    this.#outer.final();
    this.#inner.final();
  }
}
