import { createServer, IncomingMessage, type Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import express from 'express';
import { hostId, requestId } from '../base/ids.js';
import { REQUEST_HEADERS_MAX_BYTES } from '../base/limits.js';
import { xmlDocument } from '../base/xml/write.js';
import { ERRORS } from '../s3/errors.js';
import type { Edge } from './edge.js';

export interface TlsFiles {
  cert: Buffer;
  key: Buffer;
}

const CLOSE_IDLE_MS = 50;

/** The one file that knows Express: it gets one catch-all route; the operations' router is our own. */
export class HttpServer {
  readonly #server: Server;
  /** The latest response of a connection. */
  readonly #current = new WeakMap<Socket, ServerResponse>();
  /** Of every connection, those in their TLS handshake included: node:http closes only what got as far as HTTP. */
  readonly #sockets = new Set<Socket>();
  #closing = false;

  /** `shutdownMs`: how long `close` waits for answers under way. */
  constructor(
    edge: Edge,
    tls: TlsFiles | undefined,
    private readonly shutdownMs: number,
  ) {
    const app = express();
    for (const setting of ['etag', 'x-powered-by', 'query parser']) app.set(setting, false);
    const wanted = new WeakSet<IncomingMessage>();
    app.use((request, response) => {
      // `100 Continue` goes out when the body is first wanted: a refused upload is never sent.
      const onBodyWanted = (): void => {
        if (wanted.delete(request)) response.writeContinue();
      };
      if (this.#closing) response.setHeader('connection', 'close');
      this.#current.set(request.socket, response);
      void edge.handle(request, response, onBodyWanted);
    });
    const options = {
      ...classesOf(app),
      maxHeaderSize: REQUEST_HEADERS_MAX_BYTES,
      // A slow upload of 5 GiB takes longer than any fixed time; idle ones are ended by the body's own timer.
      requestTimeout: 0,
      headersTimeout: 60_000,
      keepAliveTimeout: 75_000,
      noDelay: true,
      highWaterMark: 256 * 1024,
    };
    this.#server = tls
      ? (createTlsServer({ ...options, ...tls }, app) as unknown as Server)
      : createServer(options, app);
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      wanted.add(request);
      this.#server.emit('request', request, response);
    });
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      const current = this.#current.get(socket);
      const pending = current !== undefined && !current.writableFinished;
      // What follows a request that isn't answered yet can't be answered: that would be taken for the other's answer.
      if (pending && (current.headersSent || current.req.complete)) socket.destroy();
      else answerClientError(error, socket);
    });
  }

  /** @throws the listen error (EADDRINUSE, EACCES …). @returns the port. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, backlog: 1024 }, () => {
        this.#server.off('error', reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** No new requests; those in flight finish, for `shutdownMs` at most. */
  async close(): Promise<void> {
    this.#closing = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    // Connections become idle as their answers end; node:http would keep those for `keepAliveTimeout`.
    const idle = setInterval(() => this.#server.closeIdleConnections(), CLOSE_IDLE_MS);
    const timer = setTimeout(() => this.closeNow(), this.shutdownMs);
    await closed;
    clearInterval(idle);
    clearTimeout(timer);
  }

  /** Ends every connection, whatever is under way on it. */
  closeNow(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/**
 * Express gives every request and response its own prototypes, which costs 100 µs each; objects of these classes have them
 * already. Real classes: constructed through `Reflect.construct` they were five times slower (6,000 against 33,000 a second).
 */
function classesOf(app: express.Express) {
  class Request extends IncomingMessage {}
  class Response<R extends IncomingMessage = IncomingMessage> extends ServerResponse<R> {}
  Object.setPrototypeOf(Request.prototype, app.request);
  Object.setPrototypeOf(Response.prototype, app.response);
  app.request = Request.prototype as typeof app.request;
  app.response = Response.prototype as typeof app.response;
  return { IncomingMessage: Request, ServerResponse: Response };
}

/** Requests that node:http could not read, answered as S3 does. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const overflow = error.code === 'HPE_HEADER_OVERFLOW';
  const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const code = overflow ? 'RequestHeaderSectionTooLarge' : late ? 'RequestTimeout' : 'BadRequest';
  const message = overflow || late ? ERRORS[code].message : 'An error occurred when parsing the HTTP request.';
  const extra = overflow ? ([['MaxSizeAllowed', REQUEST_HEADERS_MAX_BYTES]] as const) : [];
  const id = requestId();
  const host = hostId();
  const ids = [
    ['RequestId', id],
    ['HostId', host],
  ] as const;
  const body = xmlDocument('Error', [['Code', code], ['Message', message], ...extra, ...ids]);
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nx-amz-request-id: ${id}\r\nx-amz-id-2: ${host}\r\nServer: Coffer\r\nContent-Type: application/xml\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
