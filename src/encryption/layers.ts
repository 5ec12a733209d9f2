import type { Secret } from '../base/secret.js';
import { BodyOpener, type Opener, type Span } from './body-opener.js';
import { ciphertextLength } from './cobblestone.js';
import { type Emit, type MessageSealer, OneMessageSealer } from './message-sealer.js';

/** DSSE-KMS: an inner message under one key, an outer message over it under another. Either key alone opens nothing. */
export class LayeredMessageSealer implements MessageSealer {
  readonly chunkBytes: number;
  readonly #inner: OneMessageSealer;
  readonly #outer: OneMessageSealer;

  constructor(
    innerKey: Secret,
    outerKey: Secret,
    context: (layer: 0 | 1) => Uint8Array,
    chunkBytes: number,
    emit: Emit,
  ) {
    this.chunkBytes = chunkBytes;
    this.#outer = new OneMessageSealer(outerKey, context(1), emit, { chunkBytes });
    this.#inner = new OneMessageSealer(innerKey, context(0), (bytes) => this.#outer.update(bytes), { chunkBytes });
  }

  update(plaintext: Buffer): void {
    this.#inner.update(plaintext);
  }

  final(): void {
    this.#inner.final();
    this.#outer.final();
  }

  dispose(): void {
    this.#inner.dispose();
    this.#outer.dispose();
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

  feed(ciphertext: Buffer, take: (plaintext: Buffer) => void): void {
    this.#outer.feed(ciphertext, (inner) => this.#inner.feed(inner, take));
  }

  wanted(maxBytes: number): number {
    return this.#outer.wanted(maxBytes);
  }

  final(): void {
    try {
      this.#outer.final();
    } finally {
      this.#inner.final();
    }
  }
}
