import type { ServerResponse } from 'node:http';
import { hostId } from '../base/ids.js';
import { xmlDocument } from '../base/xml/write.js';
import type { S3Error } from '../s3/error.js';
import type { Reply } from '../s3/operation.js';

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

export interface Written {
  status: number;
  bytes: number;
}

/** The one place that writes answers. */
export class ResponseWriter {
  constructor(
    private readonly response: ServerResponse,
    private readonly requestId: string,
    private readonly method: string,
  ) {}

  /** Ends the connection with this answer: what the client still sends isn't wanted. */
  closeAfter(): void {
    this.response.setHeader('connection', 'close');
  }

  async reply(reply: Reply): Promise<Written> {
    const { response } = this;
    const status = reply.status ?? 200;
    const headers = this.#headers(reply.headers);
    let body: string | undefined;
    if (reply.xml) body = xmlDocument(reply.xml[0], reply.xml[1], NAMESPACE);
    else if (reply.xmlText) body = xmlDocument(reply.xmlText[0], reply.xmlText[1], NAMESPACE);
    if (body !== undefined) return this.text(status, headers, 'application/xml', body);
    if (!reply.stream) {
      if (status !== 204 && status !== 304 && headers['content-length'] === undefined) headers['content-length'] = '0';
      response.writeHead(status, headers);
      response.end();
      return { status, bytes: 0 };
    }
    headers['content-length'] = String(reply.stream.length);
    response.writeHead(status, headers);
    let bytes = 0;
    await reply.stream.pump((chunk) => {
      bytes += chunk.length;
      if (response.write(chunk)) return;
      return drained(response);
    });
    response.end();
    return { status, bytes };
  }

  error(error: S3Error, resource: string): Written {
    const headers = this.#headers(error.headers);
    if (this.method === 'HEAD' || error.status === 304) {
      if (error.status !== 304) headers['content-type'] = 'application/xml';
      this.response.writeHead(error.status, headers);
      this.response.end();
      return { status: error.status, bytes: 0 };
    }
    const document = xmlDocument('Error', [
      ['Code', error.code],
      ['Message', error.message],
      ...Object.entries(error.extra),
      ['Resource', resource],
      ['RequestId', this.requestId],
      ['HostId', String(headers['x-amz-id-2'])],
    ]);
    return this.text(error.status, headers, 'application/xml', document);
  }

  text(status: number, headers: Record<string, string>, type: string, body: string): Written {
    const bytes = Buffer.from(body, 'utf8');
    this.response.writeHead(status, { ...headers, 'content-type': type, 'content-length': String(bytes.length) });
    this.response.end(this.method === 'HEAD' ? undefined : bytes);
    return { status, bytes: bytes.length };
  }

  json(status: number, json: Record<string, unknown>): Written {
    const headers = { 'x-amzn-requestid': this.requestId, server: 'Coffer' };
    return this.text(status, headers, 'application/x-amz-json-1.1', JSON.stringify(json));
  }

  plain(status: number, body: string, type = 'text/plain'): Written {
    return this.text(status, this.#headers(), type, body);
  }

  #headers(extra: Readonly<Record<string, string | undefined>> = {}): Record<string, string> {
    const headers: Record<string, string> = {
      'x-amz-request-id': this.requestId,
      'x-amz-id-2': hostId(),
      server: 'Coffer',
    };
    for (const name in extra) if (extra[name] !== undefined) headers[name] = extra[name];
    return headers;
  }
}

/** The client went away: whoever pumps stops. */
export class ClientGone extends Error {
  override name = 'ClientGone';
}

function drained(response: ServerResponse): Promise<void> {
  if (response.destroyed || response.closed) return Promise.reject(new ClientGone());
  return new Promise((resolve, reject) => {
    const onDrain = (): void => {
      response.off('close', onClose);
      resolve();
    };
    const onClose = (): void => {
      response.off('drain', onDrain);
      reject(new ClientGone());
    };
    response.once('drain', onDrain);
    response.once('close', onClose);
  });
}
