import { createHash, type Hash } from 'node:crypto';
import { trimBlanks } from '../base/byte-text.js';
import { equalSha256 } from '../base/mac.js';
import type { BodyEnd, BodySource, Sink } from '../base/stream.js';
import type { ChunkSigner } from './chunk-signer.js';
import { AuthError } from './error.js';
import type { SignedRequest } from './ports.js';

const SIGNED = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
const SIGNED_TRAILER = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER';
const UNSIGNED_TRAILER = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';

export const isStreaming = (payload: string): boolean =>
  payload === SIGNED || payload === SIGNED_TRAILER || payload === UNSIGNED_TRAILER;

const EMPTY_SHA256 = createHash('sha256').digest('hex');
const CR = 0x0d;
/** A chunk's head, or a line of the trailer, at most. */
const LINE_MAX_BYTES = 1024;
const TRAILER_MAX_LINES = 8;
/** https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html */
const CHUNK_MIN_BYTES = 8192;
const ONLY_LAST = 'Only the last chunk is allowed to have a size less than 8192 bytes';

/**
 * A body in `aws-chunked` coding. Data is handed on while it arrives; each chunk's signature is verified at its end, the
 * trailer's at the very end: only when `pump` resolves is the body what was signed.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and …/sigv4-streaming-trailers.html
 */
export class ChunkedBody implements BodySource {
  readonly length: number | undefined;
  /** Of the request's, those that it goes by. */
  readonly headers: SignedRequest['headers'];
  readonly signer: ChunkSigner | undefined;
  readonly #hasTrailer: boolean;
  readonly #expectedTrailers: ReadonlySet<string>;
  readonly #trailers = new Map<string, string>();
  #trailerText = '';
  /** The line before was a trailer that ended in LF alone. */
  #bareLine = false;
  #trailerSignature: string | undefined;
  #previous: string;
  #state: 'head' | 'data' | 'data-end' | 'trailer' | 'trailer-end' | 'end' = 'head';
  #line: Buffer = Buffer.alloc(0);
  #left = 0;
  /** Of the chunk before, and how many there were. */
  #chunkBytes: number | undefined;
  #chunks = 0;
  #received = 0;
  #hash: Hash | undefined;
  #claimed = '';

  constructor(
    readonly raw: BodySource,
    sent: SignedRequest['headers'],
    readonly payload: string,
    signer: ChunkSigner | undefined,
  ) {
    const signed = payload !== UNSIGNED_TRAILER;
    if (signed && !signer) {
      throw new AuthError('AccessDenied', 403, 'Access Denied');
    }
    this.signer = signed ? signer : undefined;
    this.#previous = signer?.seed ?? '';
    this.#hasTrailer = payload !== SIGNED;
    const decoded = sent['x-amz-decoded-content-length'];
    this.headers = { 'x-amz-trailer': sent['x-amz-trailer'], 'x-amz-decoded-content-length': decoded };
    this.#expectedTrailers = new Set(
      String(sent['x-amz-trailer'] ?? '')
        .split(',')
        .map((name) => trimBlanks(name).toLowerCase())
        .filter(Boolean),
    );
    if (typeof decoded !== 'string')
      throw new AuthError('MissingContentLength', 411, 'You must provide the Content-Length HTTP header.');
    if (!/^\d{1,15}$/.test(decoded)) {
      throw new AuthError('InvalidArgument', 400, 'x-amz-decoded-content-length is not a number', {
        ArgumentName: 'x-amz-decoded-content-length',
        ArgumentValue: decoded,
      });
    }
    this.length = Number(decoded);
  }

  async pump(sink: Sink): Promise<BodyEnd> {
    await this.raw.pump((bytes) => this.#push(bytes, sink));
    if ((this.#state !== 'end' && this.#state !== 'trailer-end') || this.#received !== this.length) throw incomplete();
    return { trailers: this.#trailers };
  }

  #push(bytes: Buffer, sink: Sink): void | Promise<void> {
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === 'end')
        throw new AuthError('IncompleteBody', 400, 'The request body has bytes behind its end.');
      if (this.#state === 'data') {
        const piece = bytes.subarray(at, at + this.#left);
        at += piece.length;
        this.#left -= piece.length;
        this.#received += piece.length;
        if (this.#received > this.length!) throw incomplete();
        this.#hash?.update(piece);
        if (this.#left === 0) this.#state = 'data-end';
        const wait = sink(piece);
        if (wait) {
          const rest = bytes.subarray(at);
          return wait.then(() => this.#push(rest, sink));
        }
        continue;
      }
      const newline = bytes.indexOf(0x0a, at);
      const end = newline < 0 ? bytes.length : newline + 1;
      this.#line =
        this.#line.length === 0 ? bytes.subarray(at, end) : Buffer.concat([this.#line, bytes.subarray(at, end)]);
      at = end;
      if (this.#line.length > LINE_MAX_BYTES) throw malformed();
      if (newline < 0) {
        this.#line = Buffer.from(this.#line);
        return;
      }
      const line = this.#line;
      this.#line = Buffer.alloc(0);
      this.#take(line);
    }
  }

  /** A whole line, its end included. */
  #take(line: Buffer): void {
    const bare = line.length < 2 || line[line.length - 2] !== CR;
    const text = line.toString('latin1', 0, line.length - (bare ? 1 : 2));
    if (this.#state === 'head') this.#takeHead(text);
    else if (this.#state === 'data-end') {
      if (text !== '') throw malformed();
      this.#endChunk();
      this.#state = 'head';
    } else if (this.#state === 'trailer-end') {
      if (text !== '') throw malformedTrailer();
      this.#state = 'end';
    } else this.#takeTrailer(text, bare);
  }

  #takeHead(text: string): void {
    const match = /^([0-9a-fA-F]{1,10})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(text);
    if (!match || (this.signer && match[2] === undefined)) throw malformed();
    this.#left = Number.parseInt(match[1]!, 16);
    this.#requireChunkSize();
    this.#claimed = match[2] ?? '';
    this.#hash = this.signer && createHash('sha256');
    if (this.#left > 0) {
      this.#state = 'data';
      return;
    }
    this.#endChunk();
    this.#state = 'trailer';
  }

  /** Only the last chunk may be small: the one before this one was not the last. */
  #requireChunkSize(): void {
    const before = this.#chunkBytes;
    if (this.#left > 0 && before !== undefined && before < CHUNK_MIN_BYTES) {
      throw new AuthError('InvalidChunkSizeError', 403, ONLY_LAST, {
        Chunk: String(this.#chunks),
        BadChunkSize: String(before),
      });
    }
    this.#chunkBytes = this.#left;
    this.#chunks++;
  }

  /** A chunk's signature covers the one before it, so no chunk can be left out, moved or repeated. */
  #endChunk(): void {
    if (!this.signer) return;
    const expected = this.signer.sign([
      'AWS4-HMAC-SHA256-PAYLOAD',
      this.#previous,
      EMPTY_SHA256,
      this.#hash!.digest('hex'),
    ]);
    if (!equalSha256(expected, this.#claimed)) throw badSignature();
    this.#previous = expected;
  }

  /**
   * minio-go ends its trailers with LF, puts CRLF behind the last one, and then the line of the signature or the end: that CRLF
   * closes the line, and may close the body, with or without another one.
   */
  #takeTrailer(text: string, bare: boolean): void {
    const closesLine = this.#bareLine && !bare;
    this.#bareLine = bare && text !== '';
    if (text === '') {
      if (closesLine && this.signer && this.#trailerSignature === undefined) return;
      this.#endTrailer();
      this.#state = closesLine ? 'trailer-end' : 'end';
      return;
    }
    if (!this.#hasTrailer) throw malformed();
    const colon = text.indexOf(':');
    const name = trimBlanks(text.slice(0, colon)).toLowerCase();
    const value = trimBlanks(text.slice(colon + 1));
    if (colon <= 0 || this.#trailers.size >= TRAILER_MAX_LINES) throw malformedTrailer();
    if (name === 'x-amz-trailer-signature') {
      this.#trailerSignature = value;
      return;
    }
    if (!this.#expectedTrailers.has(name) || this.#trailers.has(name)) throw malformedTrailer();
    this.#trailers.set(name, value);
    this.#trailerText += `${name}:${value}\n`;
  }

  #endTrailer(): void {
    if (!this.#hasTrailer) return;
    if (this.#trailers.size !== this.#expectedTrailers.size) throw malformedTrailer();
    if (!this.signer) return;
    const hash = createHash('sha256').update(this.#trailerText, 'latin1').digest('hex');
    const expected = this.signer.sign(['AWS4-HMAC-SHA256-TRAILER', this.#previous, hash]);
    if (!equalSha256(expected, this.#trailerSignature ?? '')) throw badSignature();
  }
}

const incomplete = (): AuthError =>
  new AuthError(
    'IncompleteBody',
    400,
    'You did not provide the number of bytes specified by the Content-Length HTTP header',
  );
const malformed = (): AuthError => new AuthError('IncompleteBody', 400, 'The request body terminated unexpectedly');
const malformedTrailer = (): AuthError =>
  new AuthError(
    'MalformedTrailerError',
    400,
    'The request contained trailing data that was not well-formed or did not conform to our published schema.',
  );
const badSignature = (): AuthError =>
  new AuthError(
    'SignatureDoesNotMatch',
    403,
    'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
  );
