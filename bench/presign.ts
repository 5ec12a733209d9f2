import { createHash, createHmac } from 'node:crypto';
import { authorityOf, type Credentials, type Endpoint } from './endpoint.js';

/** Of the servers that the benchmark starts itself. */
export const CREDENTIALS: Credentials = {
  accessKeyId: 'COFFERBENCHACCESSKEY',
  secretAccessKey: 'coffer-bench-secret-not-a-secret',
};
export const REGION = 'us-east-1';
const EXPIRES_SECONDS = 86_400;

export interface Target {
  method: string;
  /** Not escaped; starts with `/`. */
  path: string;
  query?: Record<string, string>;
  /** Signed. Names in lower case. */
  headers?: Record<string, string>;
  /** Its own body, instead of the job's. */
  text?: string;
}

/** With a body that its Content-MD5 vouches for, as some operations demand it. */
export const withText = (target: Target, text: string): Target => ({
  ...target,
  headers: { ...target.headers, 'content-md5': createHash('md5').update(text).digest('base64') },
  text,
});

/**
 * Signature V4 in the query, `UNSIGNED-PAYLOAD`: a request of its own, so that the code under test isn't what made its input.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
 */
export class Presigner {
  readonly #amzDate = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  readonly #host: string;
  readonly #accessKeyId: string;
  readonly #scope: string;
  readonly #key: Buffer | string;

  constructor(endpoint: Endpoint) {
    const { accessKeyId, secretAccessKey } = endpoint.credentials;
    const parts = [this.#amzDate.slice(0, 8), endpoint.region, 's3', 'aws4_request'];
    this.#host = authorityOf(endpoint);
    this.#accessKeyId = accessKeyId;
    this.#scope = parts.join('/');
    this.#key = parts.reduce<Buffer | string>((key, part) => hmac(key, part), `AWS4${secretAccessKey}`);
  }

  /** Path and query of the presigned request. */
  target({ method, path, query = {}, headers = {} }: Target): string {
    const signed: Record<string, string> = { ...headers, host: this.#host };
    const names = Object.keys(signed).sort();
    const escapedPath = path.split('/').map(percent).join('/');
    const parameters = {
      ...query,
      'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
      'X-Amz-Credential': `${this.#accessKeyId}/${this.#scope}`,
      'X-Amz-Date': this.#amzDate,
      'X-Amz-Expires': String(EXPIRES_SECONDS),
      'X-Amz-SignedHeaders': names.join(';'),
    };
    const search = Object.entries(parameters)
      .map(([name, value]) => `${percent(name)}=${percent(value)}`)
      .sort()
      .join('&');
    const canonical = [
      method,
      escapedPath,
      search,
      ...names.map((name) => `${name}:${signed[name]}`),
      '',
      names.join(';'),
      'UNSIGNED-PAYLOAD',
    ].join('\n');
    const digest = createHash('sha256').update(canonical).digest('hex');
    const text = `AWS4-HMAC-SHA256\n${this.#amzDate}\n${this.#scope}\n${digest}`;
    return `${escapedPath}?${search}&X-Amz-Signature=${hmac(this.#key, text).toString('hex')}`;
  }
}

const hmac = (key: Buffer | string, text: string): Buffer => createHmac('sha256', key).update(text).digest();

const percent = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
