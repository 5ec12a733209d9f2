import type { IncomingMessage } from 'node:http';
import type { BodyEnd, BodySource, PumpOptions, Sink } from '../base/stream.js';
import { S3Error } from '../s3/error.js';
import { takeAtOnce, takeNoMore } from './turnstile.js';

const NO_TRAILERS: BodyEnd = { trailers: new Map() };
/** A client that sends nothing for so long is given up. */
export const BODY_IDLE_MS = 60_000;

/** The raw body of a request. `data` events with pause and resume move bytes twice as fast as async iteration. */
export class HttpBody implements BodySource {
  readonly length: number | undefined;
  #started = false;
  #fail: ((error: unknown) => void) | undefined;
  #received = 0;

  constructor(
    private readonly request: IncomingMessage,
    /** Sends `100 Continue` where the client waits for it: only now is the body wanted. */
    private readonly onStart: () => void,
    private readonly idleMs = BODY_IDLE_MS,
  ) {
    const declared = request.headers['content-length'];
    this.length = declared === undefined ? (request.headers['transfer-encoding'] ? undefined : 0) : Number(declared);
  }

  get started(): boolean {
    return this.#started;
  }

  /** Bytes that arrived, framing of `aws-chunked` included. */
  get received(): number {
    return this.#received;
  }

  /** The rest isn't wanted: who pumps is told at once, not with the next byte. Without effect before and after. */
  abandon(reason: unknown): void {
    this.#fail?.(reason);
  }

  pump(sink: Sink, { takesAtOnce = false }: PumpOptions = {}): Promise<BodyEnd> {
    if (this.#started) throw new Error('a body is read once');
    this.#started = true;
    const { request } = this;
    // Its `close` has been: nobody would ever tell.
    if (request.destroyed && !request.complete) return Promise.reject(new S3Error('IncompleteBody'));
    this.onStart();
    return new Promise((resolve, reject) => {
      /** The sink's promise, while one is awaited. */
      let pending: Promise<void> | undefined;
      let settled = false;
      let ended = false;
      const settle = (): boolean => {
        if (settled) return false;
        settled = true;
        clearTimeout(idle);
        takeNoMore(request);
        request.off('data', onData);
        request.off('end', onEnd);
        request.off('close', onClose);
        return true;
      };
      const fail = (error: unknown): void => {
        if (!settle()) return;
        request.pause();
        if (pending && takesAtOnce) request.socket.resume();
        reject(error);
      };
      this.#fail = fail;
      // While the store is awaited, it's not the client that is idle.
      const idle = setTimeout(() => (pending ? idle.refresh() : fail(new S3Error('RequestTimeout'))), this.idleMs);
      /** @returns whether the next chunk has to wait */
      const onData = (chunk: Buffer): boolean => {
        this.#received += chunk.length;
        idle.refresh();
        let wait: void | Promise<void>;
        try {
          wait = sink(chunk);
        } catch (error) {
          fail(error);
          return false;
        }
        if (!wait) return false;
        request.pause();
        pending = wait;
        wait.then(() => {
          if (pending === wait) pending = undefined;
          if (settled) return;
          idle.refresh();
          request.resume();
          if (takesAtOnce) request.socket.resume();
        }, fail);
        return true;
      };
      const onEnd = (): void => {
        if (this.length !== undefined && this.#received !== this.length) {
          fail(new S3Error('IncompleteBody'));
          return;
        }
        // A paused stream ends all the same where its last chunk was read when the end was already known.
        ended = true;
        if (pending) pending.then(onEnd, () => {});
        else if (settle()) resolve(NO_TRAILERS);
      };
      // What has ended closes by itself.
      const onClose = (): void => {
        if (!ended) fail(new S3Error('IncompleteBody'));
      };
      request.on('data', onData);
      if (takesAtOnce) takeAtOnce(request, onData);
      request.on('end', onEnd);
      request.on('close', onClose);
    });
  }
}

/** All of a body, which may not be larger than `maxBytes`. @throws S3Error MaxMessageLengthExceeded */
export async function readBody(source: BodySource, maxBytes: number): Promise<{ bytes: Buffer; end: BodyEnd }> {
  if (source.length !== undefined && source.length > maxBytes) throw new S3Error('MaxMessageLengthExceeded');
  const chunks: Buffer[] = [];
  let size = 0;
  const end = await source.pump((chunk) => {
    size += chunk.length;
    if (size > maxBytes) throw new S3Error('MaxMessageLengthExceeded');
    // A chunk is only lent.
    chunks.push(Buffer.from(chunk));
  });
  return { bytes: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks), end };
}
