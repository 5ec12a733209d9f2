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
  /** Everything was fed. @throws BodyDamaged where it wasn't. */
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
    this.segments = segmentsOf(this.#chunks, plaintextLength, chunkBytes);
  }

  update(ciphertext: Buffer): Buffer[] {
    let at = 0;
    const out = new Plaintexts(ciphertext.length + this.chunkBytes);
    for (;;) {
      const wanted = this.#wanted();
      if (wanted === undefined) {
        if (at < ciphertext.length) throw new BodyDamaged('a body has bytes behind its end');
        return out.take();
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
        if (this.#carried < wanted) return out.take();
        piece = this.#carry.subarray(0, wanted);
        this.#carried = 0;
      }
      if (this.#keys) this.#open(piece, out);
      else this.#keys = this.#readHeader(piece);
    }
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

  #open(sealed: Buffer, out: Plaintexts): void {
    const run = this.#chunks[0]!;
    const chunk = run.start++;
    if (run.start === run.end) this.#chunks.shift();
    const keys = this.#keys!;
    writeNonce(this.#nonce, keys.baseNonce, chunk);
    const decipher = createDecipheriv('aes-256-gcm', keys.key, this.#nonce);
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
      if (from < to) out.add(plaintext, from, to);
    }
  }
}

/** Collects what one `update` yields in one buffer: a socket takes one large write faster than thirty small ones. */
class Plaintexts {
  #buffer: Buffer | undefined;
  #filled = 0;

  constructor(private readonly capacity: number) {}

  add(plaintext: Buffer, from: number, to: number): void {
    this.#buffer ??= Buffer.allocUnsafeSlow(this.capacity);
    this.#filled += plaintext.copy(this.#buffer, this.#filled, from, to);
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

/** The header and the chunks as spans of the message, neighbours joined. */
function segmentsOf(chunks: readonly Span[], plaintextLength: number, chunkBytes: number): Span[] {
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
