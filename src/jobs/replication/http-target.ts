import { Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, Agent as TlsAgent } from 'node:https';
import { canonicalHash, canonicalRequest, sha256Hex } from '../../auth/canonical.js';
import { formatAmzDate } from '../../auth/date.js';
import { scopeText } from '../../auth/scope.js';
import { sign, signingKey } from '../../auth/signing-key.js';
import type { Clock } from '../../base/clock.js';
import type { BodyProducer } from '../../base/stream.js';
import { parseXml } from '../../base/xml/parse.js';
import type { XmlTree } from '../../base/xml/ports.js';
import { type Target, TargetRefused, type TargetReply, type TargetRequest, TargetUnreachable } from './target.js';
import type { TargetConfig } from './targets-file.js';

const SOCKETS_MAX = 16;
/** A destination that takes nothing and says nothing for so long is given up. */
const IDLE_MS = 60_000;
const ANSWER_MAX_BYTES = 1024 * 1024;

/** Another S3 endpoint, asked with the credentials of the targets file. */
export class HttpTarget implements Target {
  readonly #url: URL;
  readonly #agent: Agent;

  constructor(
    private readonly config: TargetConfig,
    private readonly clock: Clock,
    private readonly idleMs = IDLE_MS,
  ) {
    this.#url = new URL(config.endpoint);
    const options = { keepAlive: true, maxSockets: SOCKETS_MAX, timeout: idleMs };
    const { ca } = config;
    this.#agent =
      this.#url.protocol === 'https:' ? new TlsAgent({ ...options, ...(ca && { ca }) }) : new Agent(options);
  }

  get region(): string {
    return this.config.region;
  }

  async send(asked: TargetRequest): Promise<TargetReply> {
    const { request, body } = this.#begin(asked);
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      request.on('response', resolve);
      request.on('error', reject);
      request.on('timeout', () => request.destroy(new Error('it says nothing')));
    });
    // Where pumping fails first, nobody awaits it any more.
    answered.catch(() => {});
    let source: unknown;
    let pumping: Promise<void> | undefined;
    try {
      if (body === undefined || typeof body === 'string') request.end(body);
      else {
        const pumped = pump(body, request).catch((error: unknown) => {
          // The connection broke under the body, perhaps behind an answer: that one tells more.
          if (error instanceof ConnectionLost) return;
          source = error;
          request.destroy();
          throw error;
        });
        pumping = pumped.catch(() => {});
        // An answer before the end of the body is a refusal: it counts, and the rest need not be sent.
        await Promise.race([answered, pumped]);
      }
      return await this.#reply(await answered, request);
    } catch (error) {
      if (error instanceof TargetRefused || error === source) throw error;
      const { code, message } = error as NodeJS.ErrnoException;
      throw new TargetUnreachable(`${this.config.endpoint}: ${code ?? message}`);
    } finally {
      if (!request.writableEnded) request.destroy();
      await pumping;
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #begin({ method, bucket, key, query = [], headers: sent = {}, body }: TargetRequest): {
    request: ClientRequest;
    body: TargetRequest['body'];
  } {
    const { region, accessKeyId, secretAccessKey, virtualHost } = this.config;
    const host = virtualHost ? `${bucket}.${this.#url.host}` : this.#url.host;
    const path = `${virtualHost ? '' : `/${bucket}`}/${encodePath(key)}`;
    const rawPath = key === '' && !virtualHost ? `/${bucket}` : path;
    const rawQuery = query.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
    const date = formatAmzDate(this.clock.now());
    const streamed = body !== undefined && typeof body !== 'string';
    // A streamed body is verified by its checksum header; it isn't read twice to sign it.
    const hash = streamed ? 'UNSIGNED-PAYLOAD' : sha256Hex(body ?? '');
    const headers: Record<string, string> = { host, 'x-amz-content-sha256': hash, 'x-amz-date': date };
    for (const name in sent) if (sent[name] !== undefined) headers[name] = sent[name];
    const names = Object.keys(headers).sort();
    const scope = { date: date.slice(0, 8), region, service: 's3' };
    const canonical = canonicalRequest({ method, rawPath, rawQuery, headers }, names, hash);
    const toSign = `AWS4-HMAC-SHA256\n${date}\n${scopeText(scope)}\n${canonicalHash(canonical)}`;
    const signature = sign(signingKey(accessKeyId, secretAccessKey, scope), toSign);
    headers.authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scopeText(scope)}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
    const length = streamed ? body.length : Buffer.byteLength(body ?? '');
    if (method === 'PUT' || method === 'POST') headers['content-length'] = String(length);
    const send = this.#url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send({
      protocol: this.#url.protocol,
      hostname: virtualHost ? `${bucket}.${this.#url.hostname}` : this.#url.hostname.replace(/^\[|\]$/g, ''),
      port: this.#url.port,
      path: rawQuery === '' ? rawPath : `${rawPath}?${rawQuery}`,
      method,
      headers,
      agent: this.#agent,
      timeout: this.idleMs,
    });
    return { request, body };
  }

  async #reply(response: IncomingMessage, request: ClientRequest): Promise<TargetReply> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > ANSWER_MAX_BYTES) {
        request.destroy();
        throw new TargetUnreachable(`${this.config.endpoint}: its answer is too long`);
      }
      chunks.push(chunk);
    }
    const status = response.statusCode ?? 0;
    const tree = parse(Buffer.concat(chunks));
    // CompleteMultipartUpload may answer 200 and say in the body that it failed.
    if (status < 300 && tree?.name !== 'Error') {
      return { headers: response.headers as TargetReply['headers'], element: (name) => find(tree, name)?.text };
    }
    const code = find(tree, 'Code')?.text ?? '';
    const message = find(tree, 'Message')?.text ?? `${this.config.endpoint} answers ${status}`;
    throw new TargetRefused(code, status < 300 ? 500 : status, message);
  }
}

/** Chunk by chunk, since each is only lent until it is written. @throws ConnectionLost; what the body throws */
async function pump(body: BodyProducer, request: ClientRequest): Promise<void> {
  let fail: ((error: Error) => void) | undefined;
  let closed = false;
  // Where there never was a connection, no write is ever called back.
  request.once('close', () => {
    closed = true;
    fail?.(new ConnectionLost('closed'));
  });
  await body.pump((chunk) => {
    if (closed) throw new ConnectionLost('closed');
    return new Promise<void>((resolve, reject) => {
      fail = reject;
      request.write(chunk, (error) => (error ? reject(new ConnectionLost(error.message)) : resolve()));
    });
  });
  request.end();
}

class ConnectionLost extends Error {
  override name = 'ConnectionLost';
}

function parse(bytes: Buffer): XmlTree | undefined {
  if (bytes.length === 0) return undefined;
  try {
    return parseXml(bytes);
  } catch {
    return undefined;
  }
}

function find(tree: XmlTree | undefined, name: string): XmlTree | undefined {
  if (!tree || tree.name === name) return tree;
  for (const child of tree.children) {
    const found = find(child, name);
    if (found) return found;
  }
  return undefined;
}

const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);

const encodePath = (key: string): string => key.split('/').map(encode).join('/');
