import { createHash, createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../src/config.js';
import { startCoffer } from '../../src/gateway/start.js';

export const ACCESS_KEY_ID = 'AKIAHTTPTESTS0000001';
export const SECRET = 'http-tests-secret-access-key-0123456789A';

export interface Http {
  url: string;
  host: string;
  port: number;
  /** Log lines so far. */
  log(): string;
  /** Path and query of a presigned request. */
  presign(method: string, path: string, options?: SignOptions): string;
  /** A presigned request by `fetch`. */
  send(method: string, path: string, options?: SignOptions & { body?: string | Uint8Array }): Promise<Response>;
  /** A raw connection. */
  connect(): Promise<RawConnection>;
  close(): Promise<void>;
}

interface SignOptions {
  query?: Record<string, string>;
  /** Signed, names in lower case; a character for a byte. */
  headers?: Record<string, string>;
  /** Instead of the server's own. */
  host?: string;
  /** What the request says in `x-amz-content-sha256`. */
  payload?: string;
}

/** A whole server in this process, its log in memory. */
export async function serve(env: Record<string, string> = {}): Promise<Http> {
  const dir = await mkdtemp(join(tmpdir(), 'coffer-http-'));
  const lines: string[] = [];
  const config = readConfig({
    XDG_CONFIG_HOME: join(dir, 'config'),
    COFFER_DATA_DIR: join(dir, 'data'),
    COFFER_DISK_RESERVE_MIB: '0',
    COFFER_PORT: '0',
    COFFER_ACCESS_KEY_ID: ACCESS_KEY_ID,
    COFFER_SECRET_ACCESS_KEY: SECRET,
    COFFER_LOG_LEVEL: 'trace',
    ...env,
  });
  const coffer = await startCoffer(config, { write: (line: string) => void lines.push(line) });
  const { host, port } = new URL(coffer.url);
  const presign: Http['presign'] = (method, path, options = {}) =>
    presigned(options.host ?? host, method, path, options);
  return {
    url: coffer.url,
    host,
    port: Number(port),
    log: () => lines.join(''),
    presign,
    send: (method, path, { body, ...options } = {}) =>
      fetch(coffer.url + presign(method, path, options), {
        method,
        headers: options.headers ?? {},
        ...(body === undefined ? {} : { body }),
      }),
    connect: () => RawConnection.to(Number(port)),
    async close() {
      await coffer.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Bytes in, bytes out: for what no client library would send. */
export class RawConnection {
  #received = '';
  #ended = false;
  readonly #watchers = new Set<() => void>();

  private constructor(readonly socket: Socket) {
    const told = (): void => {
      for (const watcher of this.#watchers) watcher();
    };
    socket.on('data', (chunk) => {
      this.#received += chunk.toString('latin1');
      told();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#ended = true;
      told();
    });
  }

  static to(port: number): Promise<RawConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(new RawConnection(socket)));
      socket.once('error', reject);
    });
  }

  get received(): string {
    return this.#received;
  }

  get ended(): boolean {
    return this.#ended;
  }

  write(text: string | Buffer): void {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  }

  /** When what was received matches; rejects where the connection ends before. */
  async until(pattern: RegExp): Promise<string> {
    await this.#when(() => pattern.test(this.#received) || this.#ended);
    if (!pattern.test(this.#received)) throw new Error(`${pattern} did not come, but:\n${this.#received}`);
    return this.#received;
  }

  /** Everything until the other side closes. */
  async untilEnd(): Promise<string> {
    await this.#when(() => this.#ended);
    return this.#received;
  }

  destroy(): void {
    this.socket.destroy();
  }

  #when(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const watcher = (): void => {
        if (!holds()) return;
        this.#watchers.delete(watcher);
        resolve();
      };
      this.#watchers.add(watcher);
      watcher();
    });
  }
}

/** Signature V4 in the query, the body unsigned. Written for the tests, so that it shares nothing with what it tests. */
function presigned(host: string, method: string, path: string, options: SignOptions): string {
  const { query = {}, headers = {}, payload = 'UNSIGNED-PAYLOAD' } = options;
  const date = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = `${date.slice(0, 8)}/us-east-1/s3/aws4_request`;
  const signed: Record<string, string> = { ...headers, host };
  const names = Object.keys(signed).sort();
  const escapedPath = path.split('/').map(percent).join('/');
  const search = Object.entries({
    ...query,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${ACCESS_KEY_ID}/${scope}`,
    'X-Amz-Date': date,
    'X-Amz-Expires': '600',
    'X-Amz-SignedHeaders': names.join(';'),
  })
    .map(([name, value]) => [percent(name), percent(value)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map((pair) => pair.join('='))
    .join('&');
  const lines = names.map((name) => `${name}:${signed[name]}`);
  const canonical = [method, escapedPath, search, ...lines, '', names.join(';'), payload].join('\n');
  const digest = createHash('sha256').update(Buffer.from(canonical, 'latin1')).digest('hex');
  const key = scope.split('/').reduce<Buffer | string>((secret, part) => hmac(secret, part), `AWS4${SECRET}`);
  const signature = hmac(key, `AWS4-HMAC-SHA256\n${date}\n${scope}\n${digest}`).toString('hex');
  return `${escapedPath}?${search}&X-Amz-Signature=${signature}`;
}

const hmac = (key: Buffer | string, text: string): Buffer => createHmac('sha256', key).update(text).digest();

const percent = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
