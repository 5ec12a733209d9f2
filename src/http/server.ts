import { createServer, IncomingMessage, type Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import express from 'express';
import { answerClientError } from './client-error.js';
import type { Edge } from './edge.js';
import { answerPlainHttp } from './plain-on-tls.js';
import { Turnstile } from './turnstile.js';

export interface TlsFiles {
  cert: Buffer;
  key: Buffer;
}

export interface ServerLimits {
  /** Of request line and headers together. */
  headersMaxBytes: number;
  /** Those behind are told to slow down; a few more are not accepted at all. */
  connectionsMax: number;
  /** How long `close` waits for answers under way. */
  shutdownMs: number;
}

const CLOSE_IDLE_MS = 50;

/** The one file that knows Express: it gets one catch-all route; the operations' router is our own. */
export class HttpServer {
  readonly #server: Server;
  readonly #turnstiles = new WeakMap<Socket, Turnstile>();
  /** The latest response of a connection. */
  readonly #current = new WeakMap<Socket, ServerResponse>();
  /** Connections that were answered for the last time. */
  readonly #finished = new WeakSet<Socket>();
  /** Above the limit. */
  readonly #surplus = new WeakSet<Socket>();
  #connections = 0;
  /** Of every connection, those in their TLS handshake included: node:http closes only what got as far as HTTP. */
  readonly #sockets = new Set<Socket>();
  readonly #shutdownMs: number;
  #closing = false;

  constructor(edge: Edge, tls: TlsFiles | undefined, { headersMaxBytes, connectionsMax, shutdownMs }: ServerLimits) {
    this.#shutdownMs = shutdownMs;
    const app = express();
    for (const setting of ['etag', 'x-powered-by', 'query parser']) app.set(setting, false);
    const wanted = new WeakSet<IncomingMessage>();
    app.use((request, response) => {
      // `100 Continue` goes out when the body is first wanted: a refused upload is never sent.
      const onBodyWanted = (): void => {
        if (wanted.delete(request)) response.writeContinue();
      };
      const { socket } = request;
      if (this.#closing || this.#surplus.has(socket)) response.shouldKeepAlive = false;
      this.#current.set(socket, response);
      const run = (): void => void edge.handle(request, response, onBodyWanted, this.#surplus.has(socket));
      const turnstile = this.#turnstiles.get(socket);
      if (turnstile) turnstile.enter(request, response, run);
      else run();
    });
    const options = {
      ...classesOf(app),
      maxHeaderSize: headersMaxBytes,
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
    // Headers are bounded by their bytes: node:http would drop those behind the 1,000th without a word.
    this.#server.maxHeadersCount = 0;
    // A client may end its side when it has said all it wants: that takes no answer away.
    (this.#server as { httpAllowHalfOpen?: boolean }).httpAllowHalfOpen = true;
    this.#server.maxConnections = connectionsMax + Math.max(16, connectionsMax >> 3);
    if (tls) answerPlainHttp(this.#server);
    this.#server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
      const ended = (): void => {
        const current = this.#current.get(socket);
        if (current && !current.headersSent) current.shouldKeepAlive = false;
      };
      this.#turnstiles.set(socket, new Turnstile(socket, ended));
      if (++this.#connections > connectionsMax) this.#surplus.add(socket);
      socket.once('close', () => this.#connections--);
    });
    // What a client expects besides is ignored, as AWS does.
    this.#server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
      this.#server.emit('request', request, response);
    });
    this.#server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      wanted.add(request);
      this.#server.emit('request', request, response);
    });
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      if (error.code === 'ECONNRESET') {
        socket.destroy();
        return;
      }
      if (this.#finished.has(socket)) return;
      this.#turnstiles.get(socket)?.discard();
      const current = this.#current.get(socket);
      const answer = (): void => {
        this.#finished.add(socket);
        answerClientError(error, socket, headersMaxBytes);
      };
      if (current === undefined || current.writableFinished) answer();
      else if (current.req.complete) current.once('close', answer);
      // Half an answer, to half a request.
      else if (current.headersSent) socket.destroy();
      else answer();
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
    const timer = setTimeout(() => this.closeNow(), this.#shutdownMs);
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
