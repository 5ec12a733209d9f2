import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import type { LookupFunction } from 'node:net';
import { createSecureContext, rootCertificates } from 'node:tls';
import { ConfigError } from '../../../base/config-error.js';
import { KmsError } from '../../../encryption/ports.js';
import { XksFailure, type XksScenario } from './failure.js';
import { fewLookups } from './lookup.js';
import { isPublicHost, NOT_PUBLIC, publicOnly } from './public-address.js';

/** Answers are short: the longest holds 4,300 bytes in base64. */
const ANSWER_MAX_BYTES = 64 * 1024;
/** Connections to one proxy. Requests beyond them wait, within their time. */
const CONNECTIONS_MAX = 64;
/** Where settings say nothing else. */
const REQUESTS_MAX = 256;
const TOO_MANY = 'Too many requests are under way to this external key store proxy. Try again.';

export interface XksSettings {
  /** How long a proxy has, from the first byte of the connection to the last of its answer. AWS: 250. */
  timeoutMs: number;
  /** Certificates (PEM) that are trusted besides those of Node.js. */
  caFile?: string | undefined;
  /** `host` or `host:port` of the proxies that may be asked, at whatever address; undefined: all at public addresses. */
  hosts?: readonly string[] | undefined;
  /** Requests to one proxy that are under way or wait for a connection. */
  requestsMax?: number | undefined;
  /** How names are looked up; undefined: as the machine does. */
  lookup?: LookupFunction | undefined;
}

export interface XksAnswer {
  status: number;
  body: Buffer;
}

/** HTTPS to external key store proxies: in time, within bounds, to nobody whose certificate isn't trusted. It follows no redirect. */
export class XksTransport {
  readonly #agent: Agent;
  readonly #timeoutMs: number;
  readonly #hosts: ReadonlySet<string> | undefined;
  readonly #requestsMax: number;
  /** By host and port, of those that are asked just now. */
  readonly #underWay = new Map<string, number>();

  /** @throws ConfigError */
  constructor({ timeoutMs, caFile, hosts, lookup, requestsMax = REQUESTS_MAX }: XksSettings) {
    const ca = caFile === undefined ? undefined : [...rootCertificates, readCa(caFile)];
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: CONNECTIONS_MAX,
      lookup: hosts ? fewLookups(lookup) : publicOnly(fewLookups(lookup)),
      // Made once: given as `ca`, all certificates would be part of the name that the agent looks its connections up by.
      secureContext: createSecureContext({ minVersion: 'TLSv1.2', ...(ca && { ca }) }),
    });
    this.#timeoutMs = timeoutMs;
    this.#requestsMax = requestsMax;
    this.#hosts = hosts && new Set(hosts.map((one) => one.toLowerCase()));
  }

  /** Whether the operator lets Coffer speak to it; of a name without a list that is seen when it is connected to. */
  allows(url: URL): boolean {
    if (!this.#hosts) return isPublicHost(url.hostname);
    return this.#hosts.has(url.host) || this.#hosts.has(url.hostname);
  }

  /** A connection that was idle may have been closed by the other side: what was sent on it is sent once more. @throws XksFailure */
  async post(url: URL, headers: Record<string, string>, body: Buffer): Promise<XksAnswer> {
    if (!this.allows(url)) throw new XksFailure(this.#hosts ? 'noConnection' : 'notPublic');
    const underWay = this.#underWay.get(url.host) ?? 0;
    if (underWay >= this.#requestsMax) throw new KmsError('ThrottlingException', TOO_MANY);
    this.#underWay.set(url.host, underWay + 1);
    try {
      return await this.#postInTime(url, headers, body);
    } finally {
      const left = this.#underWay.get(url.host)! - 1;
      if (left > 0) this.#underWay.set(url.host, left);
      else this.#underWay.delete(url.host);
    }
  }

  async #postInTime(url: URL, headers: Record<string, string>, body: Buffer): Promise<XksAnswer> {
    const untilMs = performance.now() + this.#timeoutMs;
    try {
      return await this.#post(url, headers, body, untilMs);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
    }
    try {
      return await this.#post(url, headers, body, untilMs);
    } catch (error) {
      throw error instanceof StaleConnection ? new XksFailure('noConnection') : error;
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #post(url: URL, headers: Record<string, string>, body: Buffer, untilMs: number): Promise<XksAnswer> {
    return new Promise((resolve, reject) => {
      let isSecure = false;
      const sent = request(url, { method: 'POST', headers, agent: this.#agent });
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        settle();
      };
      const fail = (scenario: XksScenario): void => end(() => reject(new XksFailure(scenario)));
      const timer = setTimeout(
        () => {
          fail('timedOut');
          sent.destroy();
        },
        Math.max(1, untilMs - performance.now()),
      );
      sent.on('socket', (socket) => {
        isSecure = sent.reusedSocket;
        if (!isSecure) {
          socket.once('secureConnect', () => {
            isSecure = true;
          });
        }
      });
      sent.on('error', (error: NodeJS.ErrnoException) => {
        if (sent.reusedSocket && error.code === 'ECONNRESET') end(() => reject(new StaleConnection()));
        else fail(isSecure ? 'noConnection' : scenarioOfConnecting(error));
      });
      sent.on('response', (answer) => {
        read(answer).then(
          (content) => end(() => resolve({ status: answer.statusCode ?? 0, body: content })),
          () => {
            fail('malformed');
            sent.destroy();
          },
        );
      });
      sent.end(body);
    });
  }
}

class StaleConnection extends Error {}

/** What comes of the network has an errno; what is left comes of TLS. */
function scenarioOfConnecting({ code, syscall }: NodeJS.ErrnoException): XksScenario {
  if (code === NOT_PUBLIC) return 'notPublic';
  if (syscall === 'connect' || syscall === 'getaddrinfo') return 'noConnection';
  return code === 'ETIMEDOUT' || code === 'EHOSTUNREACH' ? 'noConnection' : 'noTls';
}

async function read(answer: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of answer as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > ANSWER_MAX_BYTES) throw new Error('the answer is too long');
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function readCa(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    throw new ConfigError(`COFFER_XKS_CA_FILE ${path} can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
