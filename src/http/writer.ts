import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ClientBudget } from '../base/client-budget.js';
import { hostId } from '../base/ids.js';
import type { BodyProducer } from '../base/stream.js';
import { xmlDocument } from '../base/xml/write.js';
import { ReaderStalled } from '../bodies/open-stream.js';
import type { S3Error } from '../s3/error.js';
import type { Reply } from '../s3/operation.js';
import { ClientGone, drained } from './drained.js';
import { sentHeaders } from './header-names.js';
import { leaveTogether } from './leave-together.js';
import { Lending } from './lending.js';
import { linger } from './linger.js';

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** A body of so many bytes at most waits for nobody to drain it, as texts don't. */
const WHOLE_MAX_BYTES = 64 * 1024;

/** Texts of fewer bytes are what every connection may hold. */
const HELD_MIN_BYTES = 16 * 1024;

/** What went out. `bytes`: of the body. */
export interface Written {
  status: number;
  bytes: number;
}

type Headers = Record<string, string>;

/** The one place that writes answers. Where it throws before `begun`, an error can still be answered. */
export class ResponseWriter {
  constructor(
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
    private readonly requestId: string,
    /** Of what clients haven't taken yet. */
    private readonly answers?: ClientBudget,
  ) {}

  /** Headers that go with whatever is answered, an error as well. */
  always: Readonly<Record<string, string>> | undefined;

  /** Headers are out: from here on a broken connection is the only honest way to fail. */
  get begun(): boolean {
    return this.response.headersSent;
  }

  async reply(reply: Reply): Promise<Written> {
    const status = reply.status ?? 200;
    const headers = this.#headers(reply.headers);
    if (reply.stream) return this.#stream(status, headers, reply.stream);
    if (reply.xml) {
      const namespace = reply.noNamespace ? undefined : NAMESPACE;
      return this.#text(status, headers, 'application/xml', xmlDocument(reply.xml[0], reply.xml[1], namespace));
    }
    if (reply.text) return this.#text(status, headers, reply.text[0], reply.text[1]);
    if (reply.xmlText) {
      return this.#text(status, headers, 'application/xml', xmlDocument(reply.xmlText[0], reply.xmlText[1], NAMESPACE));
    }
    if (status !== 204 && status !== 304 && headers['content-length'] === undefined) headers['content-length'] = '0';
    return this.#end(status, headers);
  }

  error(error: S3Error): Written {
    const headers = this.#headers(error.headers);
    if (error.status === 304) return this.#end(304, headers);
    if (error.bare) {
      headers['content-length'] = '0';
      return this.#end(error.status, headers);
    }
    if (this.request.method === 'HEAD') {
      headers['content-type'] = 'application/xml';
      return this.#end(error.status, headers);
    }
    const document = xmlDocument('Error', [
      ['Code', error.code],
      ['Message', error.message],
      ...Object.entries(error.extra),
      ['RequestId', this.requestId],
      ['HostId', headers['x-amz-id-2']],
    ]);
    return this.#text(error.status, headers, 'application/xml', document);
  }

  /** An answer of the AWS JSON protocol. */
  json(status: number, json: Record<string, unknown>): Written {
    const headers = { 'x-amzn-requestid': this.requestId, server: 'Coffer', ...this.always };
    return this.#text(status, headers, 'application/x-amz-json-1.1', JSON.stringify(json));
  }

  /** An answer of the Smithy RPC v2 CBOR protocol. */
  cbor(status: number, body: Uint8Array): Written {
    const headers = {
      'x-amzn-requestid': this.requestId,
      server: 'Coffer',
      'smithy-protocol': 'rpc-v2-cbor',
      ...this.always,
    };
    const sent = { ...headers, 'content-type': 'application/cbor', 'content-length': String(body.length) };
    return this.#end(status, sent, Buffer.from(body.buffer, body.byteOffset, body.length), body.length);
  }

  /** An answer of the query protocol. */
  queryXml(status: number, document: string): Written {
    const headers = { 'x-amzn-requestid': this.requestId, server: 'Coffer', ...this.always };
    return this.#text(status, headers, 'text/xml', document);
  }

  /** No body, of a service that isn't S3. */
  empty(status: number, more: Readonly<Record<string, string>>): Written {
    return this.#end(status, { 'x-amzn-requestid': this.requestId, server: 'Coffer', ...more, 'content-length': '0' });
  }

  /** JSON values as they come, one a line. The head goes out with the first. @throws ClientGone */
  async lines(values: AsyncIterable<unknown>): Promise<Written> {
    const { response } = this;
    let bytes = 0;
    for await (const value of values) {
      if (response.destroyed) throw new ClientGone();
      const text = Buffer.from(`${JSON.stringify(value)}\n`);
      if (bytes === 0) this.#head(200, { ...this.#headers(undefined), 'content-type': 'application/x-ndjson' });
      bytes += text.length;
      if (!response.write(text)) await drained(response);
    }
    response.end();
    return { status: 200, bytes };
  }

  plain(status: number, body: string, type = 'text/plain'): Written {
    return this.#text(status, this.#headers(undefined), type, body);
  }

  async #stream(status: number, headers: Headers, stream: BodyProducer): Promise<Written> {
    const { response } = this;
    headers['content-length'] = String(stream.length);
    if (stream.lend) return this.#lend(status, headers, stream.length, stream.lend);
    let bytes = 0;
    // The head waits for the first chunk: what fails until then is answered, and both go out together.
    await stream.pump((chunk) => {
      if (bytes === 0) this.#head(status, headers);
      bytes += chunk.length;
      if (chunk.length === stream.length && bytes <= WHOLE_MAX_BYTES) return this.#whole(chunk);
      if (!response.write(chunk)) return drained(response);
    });
    if (bytes !== stream.length) throw new Error('a body has another length than was declared');
    if (bytes === 0) this.#head(status, headers);
    if (!response.writableEnded) response.end();
    return { status, bytes };
  }

  /** Chunks that stay where they are until the socket has taken them, or can't take anything any more. */
  async #lend(
    status: number,
    headers: Headers,
    length: number,
    lend: NonNullable<BodyProducer['lend']>,
  ): Promise<Written> {
    const { response } = this;
    let bytes = 0;
    const lending = new Lending(response, this.request.socket);
    try {
      await lend((chunk, release) => {
        if (bytes === 0) this.#head(status, headers);
        bytes += chunk.length;
        response.write(chunk, lending.until(release));
      }, lending.signal);
    } catch (error) {
      throw error instanceof ReaderStalled ? new ClientGone() : error;
    } finally {
      lending.end();
    }
    if (bytes !== length) throw new Error('a body has another length than was declared');
    response.end();
    return { status, bytes };
  }

  /** A small body in one piece. Resolves when the chunk has been sent: until then it is lent. */
  #whole(chunk: Buffer): Promise<void> {
    return new Promise((resolve) =>
      leaveTogether(() => {
        this.response.end(chunk);
        resolve();
      }),
    );
  }

  #text(status: number, headers: Headers, type: string, text: string): Written {
    const bytes = Buffer.byteLength(text);
    headers['content-type'] = type;
    headers['content-length'] = String(bytes);
    if (this.request.method === 'HEAD') return this.#end(status, headers);
    // ASCII goes out in one piece with the head, whose encoding is Latin-1.
    return this.#end(status, headers, bytes === text.length ? text : Buffer.from(text), bytes);
  }

  /** `body`: bytes, or ASCII. */
  #end(status: number, headers: Headers, body?: Buffer | string, bytes = 0): Written {
    const { request, response } = this;
    const written = { status, bytes };
    if (request.complete || hasNoBody(request)) {
      this.#head(status, headers);
      this.#hold(bytes);
      leaveTogether(() => response.end(body, 'latin1'));
      return written;
    }
    // What the client still sends isn't wanted.
    headers.connection = 'close';
    this.#head(status, headers);
    if (body !== undefined) response.write(body, 'latin1');
    else response.flushHeaders();
    linger(request, () => response.end());
    return written;
  }

  /** Counts a text until the client has taken it. */
  #hold(bytes: number): void {
    if (bytes < HELD_MIN_BYTES || !this.answers) return;
    const { response } = this;
    const holding = this.answers.open(() => response.destroy());
    holding.force(bytes);
    response.once('close', () => holding.close());
  }

  /** A connection that stays open says nothing of it, as AWS's: `Connection` and `Keep-Alive` go out where they are needed. */
  #head(status: number, headers: Headers): void {
    const { request, response } = this;
    if (!response.shouldKeepAlive) headers.connection = 'close';
    else if (request.httpVersion !== '1.0') response.removeHeader('connection');
    response.writeHead(status, sentHeaders(headers));
  }

  #headers(extra: Readonly<Record<string, string | undefined>> | undefined): Headers {
    const headers: Headers = {
      'x-amz-request-id': this.requestId,
      'x-amz-id-2': hostId(),
      server: 'Coffer',
      ...this.always,
    };
    for (const name in extra) {
      const value = extra[name];
      if (value !== undefined) headers[name] = value;
    }
    return headers;
  }
}

const hasNoBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] === undefined &&
  (headers['content-length'] === undefined || headers['content-length'] === '0');

export { ClientGone };
