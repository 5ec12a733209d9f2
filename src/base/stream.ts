/**
 * Bodies move by push: the producer calls the sink with each chunk and, where the sink answers with a promise, waits for it
 * before the next one. Measured against async iterators and pipelines this is twice as fast.
 */

/** Takes a chunk. The chunk is only lent until the returned promise settles (or, without one, until the call returns). */
export type Sink = (chunk: Buffer) => void | Promise<void>;

/** Takes a chunk that is lent until `release` is called, which it must be. */
export type Borrow = (chunk: Buffer, release: () => void) => void;

/** What stood behind the last byte: trailing headers, lower-case names. */
export interface BodyEnd {
  trailers: ReadonlyMap<string, string>;
}

export interface PumpOptions {
  /** The sink needs a chunk no longer than its call lasts, whatever it answers: nobody has to copy it. */
  takesAtOnce?: boolean;
}

/** A request body. `pump` may be called once. */
export interface BodySource {
  /** Length of the content in bytes after transfer decoding (`x-amz-decoded-content-length` where chunked), if declared. */
  readonly length: number | undefined;
  /** Resolves when all bytes have arrived AND are verified; rejects when they are not or when the client went away. */
  pump(sink: Sink, options?: PumpOptions): Promise<BodyEnd>;
}

/** A body to send or to copy. `pump` resolves when all bytes have been handed to the sink; it may be called once. */
export interface BodyProducer {
  /** In bytes. */
  readonly length: number;
  pump(sink: Sink): Promise<void>;
  /**
   * The same where chunks lie in memory that is used again, for whoever keeps several on their way: resolves when all were handed
   * to `borrow`. `signal` ends it, with the signal's reason.
   */
  lend?(borrow: Borrow, signal: AbortSignal): Promise<void>;
  /** Releases what the producer holds (a snapshot), whether `pump` was called or not. Idempotent. */
  close(): Promise<void>;
}
