import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Endpoint } from './endpoint.js';

export interface RawRequest {
  head: Buffer;
  /** A HEAD request's answer has no body whatever its Content-Length says. */
  isHead: boolean;
  /** Sent over and over until `bodyBytes` have gone out. */
  body?: Buffer;
  bodyBytes: number;
  /** Keeps the beginning of the answer's body in `kept`. */
  keep?: boolean;
}

const RECEIVE_BYTES = 1024 * 1024;
const SEND_BYTES = 1024 * 1024;
const HEAD_END = Buffer.from('\r\n\r\n');
/** Characters. */
const KEPT = 2000;
const CHUNKS_END = '0\r\n\r\n';

/** One keep-alive socket, one request at a time, and as little parsing as tells where an answer ends. */
export class RawConnection {
  readonly #socket: Socket;
  #head = Buffer.alloc(0);
  #inBody = false;
  #isHead = false;
  #status = 0;
  /** Bytes of body still to come; Infinity for a chunked one. */
  #left = 0;
  #tail = '';
  #received = 0;
  #keep = false;
  /** Kept of an answer that is no success, and where a request asks for it. */
  kept = '';
  #settle: { resolve(bytes: number): void; reject(error: Error): void } | undefined;

  private constructor({ host, port, tls }: Endpoint, ready: () => void, failed: (error: Error) => void) {
    const buffer = Buffer.allocUnsafeSlow(RECEIVE_BYTES);
    const options = {
      port,
      host,
      noDelay: true,
      onread: { buffer, callback: (bytes: number) => this.#take(buffer.subarray(0, bytes)) },
    };
    // Node reads TLS into buffers of its own: there `onread` is not known.
    this.#socket = tls ? connectTls({ port, host, rejectUnauthorized: false }, ready) : connect(options, ready);
    if (tls) this.#socket.on('data', (bytes: Buffer) => this.#take(bytes)).setNoDelay(true);
    this.#socket.on('error', (error) => {
      failed(error);
      this.#settle?.reject(error);
    });
    this.#socket.on('close', () => this.#settle?.reject(new Error('the server closed the connection')));
  }

  static async open(endpoint: Endpoint): Promise<RawConnection> {
    let connection: RawConnection | undefined;
    await new Promise<void>((resolve, reject) => {
      connection = new RawConnection(endpoint, resolve, reject);
    });
    return connection!;
  }

  /** Resolves to the bytes of body received. Rejects at any status but 2xx. */
  send(request: RawRequest): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#isHead = request.isHead;
      this.#keep = request.keep ?? false;
      this.#socket.write(request.head);
      if (request.body) this.#sendBody(request.body, request.bodyBytes);
    });
  }

  close(): void {
    this.#settle = undefined;
    this.#socket.destroy();
  }

  #sendBody(body: Buffer, bodyBytes: number): void {
    let sent = 0;
    const more = (): void => {
      while (sent < bodyBytes) {
        const at = sent % body.length;
        const piece = body.subarray(at, Math.min(at + SEND_BYTES, body.length, at + bodyBytes - sent));
        sent += piece.length;
        if (!this.#socket.write(piece)) {
          if (sent < bodyBytes) this.#socket.once('drain', more);
          return;
        }
      }
    };
    more();
  }

  #take(bytes: Buffer): boolean {
    if (this.#inBody) this.#takeBody(bytes);
    else this.#takeHead(bytes);
    return true;
  }

  #takeHead(bytes: Buffer): void {
    const all = this.#head.length > 0 ? Buffer.concat([this.#head, bytes]) : bytes;
    const end = all.indexOf(HEAD_END);
    if (end < 0) {
      this.#head = Buffer.from(all);
      return;
    }
    this.#head = Buffer.alloc(0);
    const head = all.toString('latin1', 0, end);
    this.#status = Number(head.slice(9, 12));
    const length = /\r\ncontent-length: *(\d+)/i.exec(head);
    if (this.#isHead || this.#status === 204) this.#left = 0;
    else this.#left = length ? Number(length[1]) : /\r\ntransfer-encoding:/i.test(head) ? Number.POSITIVE_INFINITY : 0;
    this.#received = 0;
    this.#tail = '';
    this.kept = this.#status < 300 ? '' : `${head}\n`;
    if (this.#status >= 300) this.#keep = true;
    this.#inBody = true;
    this.#takeBody(all.subarray(end + HEAD_END.length));
  }

  #takeBody(bytes: Buffer): void {
    this.#received += bytes.length;
    this.#left -= bytes.length;
    if (this.#keep && this.kept.length < KEPT) this.kept += bytes.toString('latin1');
    if (this.#left === Number.POSITIVE_INFINITY) {
      this.#tail = (this.#tail + bytes.toString('latin1', Math.max(0, bytes.length - 5))).slice(-5);
      if (this.#tail !== CHUNKS_END) return;
    } else if (this.#left > 0) return;
    this.#inBody = false;
    const settle = this.#settle;
    this.#settle = undefined;
    if (this.#status >= 200 && this.#status < 300) settle?.resolve(this.#received);
    else settle?.reject(new Error(this.kept));
  }
}
