import type { IncomingMessage } from 'node:http';
import type { BodyEnd, BodySource, Sink } from '../base/stream.js';
import { S3Error } from '../s3/error.js';

const NO_TRAILERS: BodyEnd = { trailers: new Map() };
/** A client that sends nothing for so long is given up. */
export const BODY_IDLE_MS = 60_000;

/** The raw body of a request. `data` events with pause and resume move bytes twice as fast as async iteration. */
export class HttpBody implements BodySource {
  readonly length: number | undefined;
  #started = false;

  constructor(
    private readonly request: IncomingMessage,
    /** Sends `100 Continue` where the client waits for it: only now is the body wanted. */
    private readonly onStart: () => void,
  ) {
    const declared = request.headers['content-length'];
    this.length = declared === undefined ? (request.headers['transfer-encoding'] ? undefined : 0) : Number(declared);
  }

  get started(): boolean {
    return this.#started;
  }

  pump(sink: Sink): Promise<BodyEnd> {
    if (this.#started) throw new Error('a body is read once');
    this.#started = true;
    const { request } = this;
    this.onStart();
    return new Promise((resolve, reject) => {
      let received = 0;
      let settled = false;
      // Waiting for the store is no idleness of the client.
      const idle = setTimeout(() => fail(new S3Error('RequestTimeout')), BODY_IDLE_MS);
      const fail = (error: unknown): void => {
        if (settled) return;
        settled = true;
        clearTimeout(idle);
        request.off('data', onData);
        request.pause();
        reject(error);
      };
      const onData = (chunk: Buffer): void => {
        received += chunk.length;
        idle.refresh();
        let wait: void | Promise<void>;
        try {
          wait = sink(chunk);
        } catch (error) {
          fail(error);
          return;
        }
        if (!wait) return;
        request.pause();
        wait.then(() => {
          if (settled) return;
          idle.refresh();
          request.resume();
        }, fail);
        pending = wait;
      };
      let pending: Promise<void> | undefined;
      request.on('data', onData);
      request.once('end', () => {
        clearTimeout(idle);
        if (this.length !== undefined && received !== this.length) {
          fail(new S3Error('IncompleteBody'));
          return;
        }
        Promise.resolve(pending).then(() => {
          if (settled) return;
          settled = true;
          resolve(NO_TRAILERS);
        }, fail);
      });
      request.once('error', () => fail(new S3Error('IncompleteBody')));
      request.once('close', () => {
        if (!request.complete) fail(new S3Error('IncompleteBody'));
      });
    });
  }
}

/** All of a body, which may not be larger than `maxBytes`. */
export async function readBody(source: BodySource, maxBytes: number): Promise<{ bytes: Buffer; end: BodyEnd }> {
  if (source.length !== undefined && source.length > maxBytes) throw new S3Error('MaxMessageLengthExceeded');
  const chunks: Buffer[] = [];
  let size = 0;
  const end = await source.pump((chunk) => {
    size += chunk.length;
    if (size > maxBytes) throw new S3Error('MaxMessageLengthExceeded');
    chunks.push(Buffer.from(chunk));
  });
  return { bytes: Buffer.concat(chunks), end };
}
