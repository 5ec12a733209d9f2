import { createDecipheriv } from 'node:crypto';
import { Mac } from '../base/mac.js';
import type { Secret } from '../base/secret.js';
import { StoreDamaged } from '../store/errors.js';
import {
  ciphertextLength,
  deriveMessageKeys,
  HEADER_BYTES,
  type MessageKeys,
  SALT_BYTES,
  TAG_BYTES,
  writeNonce,
} from './cobblestone.js';

/** Stored ciphertext was changed, cut or moved. */
export class BodyDamaged extends StoreDamaged {
  override name = 'BodyDamaged';
}

/** Bytes [start, end). */
export interface Span {
  start: number;
  end: number;
}

/** What has to be fed of the stored bytes, ascending, and what comes of it. The body reader in `s3/` knows only this. */
export interface Opener {
  readonly segments: readonly Span[];
  /** Takes the segments' bytes in order, cut anywhere; returns plaintext. @throws BodyDamaged */
  update(ciphertext: Buffer): Buffer[];
  /** The same, handed on chunk by chunk: what `take` gets is its own. @throws BodyDamaged */
  feed(ciphertext: Buffer, take: (plaintext: Buffer) => void): void;
  /** How many bytes to feed next, so that chunks come whole: about `maxBytes`, and more where one chunk is. 0: nothing is missing. */
  wanted(maxBytes: number): number;
  /** Everything was fed, or is given up. Keys are zeroed. @throws BodyDamaged where bytes are missing. */
  final(): void;
}

/**
 * Decrypts ranges of a message. The commitment is checked first, then every chunk that a range touches is authenticated before a
 * byte of it is handed out; a range that reaches the end authenticates the end, also where the last chunk is empty. The
 * plaintext's length comes from the sealed record, so a message that was cut or extended doesn't open.
 */
export class BodyOpener implements Opener {
  readonly segments: Span[];
  /** Runs of chunk numbers still to come, [start, end). */
  readonly #chunks: Span[];
  #keys: MessageKeys | undefined;
  readonly #nonce = Buffer.alloc(12);
  /** Bytes of a header or chunk that came in pieces. */
  #carry: Buffer | undefined;
  #carried = 0;

  constructor(
    private readonly dataKey: Secret,
    private readonly context: Uint8Array,
    private readonly plaintextLength: number,
    private readonly ranges: readonly Span[],
    private readonly chunkBytes: number,
  ) {
    this.#chunks = chunksOf(ranges, plaintextLength, chunkBytes);
    this.segments = spansOf(this.#chunks, plaintextLength, chunkBytes);
  }

  update(ciphertext: Buffer): Buffer[] {
    const out = new Plaintexts(Math.min(ciphertext.length + this.chunkBytes, this.plaintextLength));
    this.feed(ciphertext, (plaintext) => out.add(plaintext));
    return out.take();
  }

  feed(ciphertext: Buffer, take: (plaintext: Buffer) => void): void {
    let at = 0;
    for (;;) {
      const wanted = this.#wanted();
      if (wanted === undefined) {
        if (at < ciphertext.length) throw new BodyDamaged('a body has bytes behind its end');
        return;
      }
      const available = ciphertext.length - at;
      let piece: Buffer;
      if (this.#carried === 0 && available >= wanted) {
        piece = ciphertext.subarray(at, at + wanted);
        at += wanted;
      } else {
        // Made when it is needed: an answer that waits for its turn holds nothing.
        this.#carry ??= Buffer.allocUnsafeSlow(this.chunkBytes + TAG_BYTES);
        const taken = ciphertext.copy(this.#carry, this.#carried, at, at + Math.min(available, wanted - this.#carried));
        this.#carried += taken;
        at += taken;
        if (this.#carried < wanted) return;
        piece = this.#carry.subarray(0, wanted);
        this.#carried = 0;
      }
      if (this.#keys) this.#open(piece, take);
      else this.#keys = this.#readHeader(piece);
    }
  }

  wanted(maxBytes: number): number {
    const next = this.#wanted();
    if (next === undefined) return 0;
    let bytes = next - this.#carried;
    if (!this.#keys) return bytes;
    const whole = this.chunkBytes + TAG_BYTES;
    const run = this.#chunks[0]!;
    const behind = Math.min(run.end - run.start - 1, Math.floor((maxBytes - bytes) / whole));
    for (let i = 1; i <= behind; i++) {
      bytes += Math.min(this.chunkBytes, this.plaintextLength - (run.start + i) * this.chunkBytes) + TAG_BYTES;
    }
    return bytes;
  }

  final(): void {
    const complete = this.#wanted() === undefined;
    this.#keys?.key.fill(0);
    if (!complete) throw new BodyDamaged('a body ends too early');
  }

  /** Length of what comes next in full. */
  #wanted(): number | undefined {
    if (!this.#keys) return HEADER_BYTES;
    const run = this.#chunks[0];
    if (run === undefined) return undefined;
    return Math.min(this.chunkBytes, this.plaintextLength - run.start * this.chunkBytes) + TAG_BYTES;
  }

  #readHeader(header: Buffer): MessageKeys {
    const keys = deriveMessageKeys(this.dataKey.expose(), header.subarray(0, SALT_BYTES), this.context);
    if (!new Mac(keys.commitment).equals(header.subarray(SALT_BYTES))) {
      throw new BodyDamaged('a body was written under another key or for another place');
    }
    return keys;
  }

  #open(sealed: Buffer, take: (plaintext: Buffer) => void): void {
    const run = this.#chunks[0]!;
    const chunk = run.start++;
    if (run.start === run.end) this.#chunks.shift();
    const keys = this.#keys!;
    writeNonce(this.#nonce, keys.baseNonce, chunk);
    const decipher = createDecipheriv('aes-256-gcm', keys.key, this.#nonce, GCM);
    const length = sealed.length - TAG_BYTES;
    decipher.setAuthTag(sealed.subarray(length));
    const plaintext = decipher.update(sealed.subarray(0, length));
    try {
      decipher.final();
    } catch {
      throw new BodyDamaged('a chunk of a body was changed');
    }
    const offset = chunk * this.chunkBytes;
    for (const { start, end } of this.ranges) {
      const from = Math.max(0, start - offset);
      const to = Math.min(length, end - offset);
      if (from < to) take(from === 0 && to === length ? plaintext : plaintext.subarray(from, to));
    }
  }
}

const GCM = { authTagLength: TAG_BYTES };

/** Collects what one `update` yields in one buffer: a socket takes one large write faster than thirty small ones. */
class Plaintexts {
  #buffer: Buffer | undefined;
  #filled = 0;

  constructor(private readonly capacity: number) {}

  add(plaintext: Buffer): void {
    this.#buffer ??= Buffer.allocUnsafeSlow(this.capacity);
    this.#filled += plaintext.copy(this.#buffer, this.#filled);
  }

  take(): Buffer[] {
    return this.#buffer ? [this.#buffer.subarray(0, this.#filled)] : [];
  }
}

/** Runs of numbers of the chunks that the ranges touch, ascending. */
function chunksOf(ranges: readonly Span[], plaintextLength: number, chunkBytes: number): Span[] {
  const runs: Span[] = [];
  const lastChunk = Math.floor(plaintextLength / chunkBytes);
  for (const { start, end } of ranges) {
    const stop = end >= plaintextLength ? lastChunk + 1 : Math.ceil(end / chunkBytes);
    const before = runs[runs.length - 1];
    const from = Math.max(Math.floor(start / chunkBytes), before?.end ?? 0);
    if (from >= stop) continue;
    if (before && before.end === from) before.end = stop;
    else runs.push({ start: from, end: stop });
  }
  return runs;
}

/** What of a message is read for ranges of its plaintext. */
export const segmentsOf = (ranges: readonly Span[], plaintextLength: number, chunkBytes: number): Span[] =>
  spansOf(chunksOf(ranges, plaintextLength, chunkBytes), plaintextLength, chunkBytes);

/** The header and the chunks as spans of the message, neighbours joined. */
function spansOf(chunks: readonly Span[], plaintextLength: number, chunkBytes: number): Span[] {
  const segments: Span[] = [{ start: 0, end: HEADER_BYTES }];
  const total = ciphertextLength(plaintextLength, chunkBytes);
  const at = (chunk: number): number => HEADER_BYTES + chunk * (chunkBytes + TAG_BYTES);
  for (const run of chunks) {
    const end = Math.min(total, at(run.end));
    const last = segments[segments.length - 1]!;
    if (last.end === at(run.start)) last.end = end;
    else segments.push({ start: at(run.start), end });
  }
  return segments;
}
