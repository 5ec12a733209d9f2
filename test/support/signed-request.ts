import { createHash, createHmac } from 'node:crypto';

export interface Keys {
  accessKeyId: string;
  secretAccessKey: string;
}

export interface SignedRequestParts {
  method: string;
  path: string;
  query?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** Absent: anonymous. */
  key?: Keys | undefined;
  /** What is claimed to be the body's hash; default: what it is. */
  payload?: string;
  /** Of the credential scope; default: s3. */
  service?: string;
  /** Of it, too; default: us-east-1. */
  region?: string;
  /** Headers that are sent and left out of what is signed; `host` is one. */
  unsigned?: readonly string[];
  /** Changes the signature after signing. */
  spoil?: boolean;
}

const sha256 = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');

/** A request signed here, so that anything can be sent, whatever an SDK thinks of it. Path and query must be canonical already. */
export async function signedRequest(
  port: number,
  parts: SignedRequestParts,
): Promise<{ status: number; text: string; bytes: Buffer; headers: Headers }> {
  const {
    method,
    path,
    query = '',
    headers = {},
    body = '',
    key,
    service = 's3',
    region = 'us-east-1',
    unsigned = [],
    spoil = false,
  } = parts;
  const payload = parts.payload ?? sha256(body);
  const all: Record<string, string> = { ...headers, host: `127.0.0.1:${port}` };
  if (key) {
    const date = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
    Object.assign(all, { 'x-amz-date': date, 'x-amz-content-sha256': payload });
    const names = Object.keys(all)
      .filter((name) => !unsigned.includes(name))
      .sort();
    const pairs = query.split('&').filter(Boolean);
    const canonicalQuery = pairs
      .map((one) => (one.includes('=') ? one : `${one}=`))
      .sort()
      .join('&');
    const lines = names.map((name) => `${name}:${all[name]}`);
    const canonical = [method, path, canonicalQuery, ...lines, '', names.join(';'), payload].join('\n');
    const scope = `${date.slice(0, 8)}/${region}/${service}/aws4_request`;
    let signing: string | Buffer = `AWS4${key.secretAccessKey}`;
    for (const part of scope.split('/')) signing = createHmac('sha256', signing).update(part).digest();
    const toSign = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${sha256(canonical)}`;
    const signature = createHmac('sha256', signing).update(toSign).digest('hex');
    const sent = spoil ? signature.replace(/^./, (one) => (one === '0' ? '1' : '0')) : signature;
    all.authorization = `AWS4-HMAC-SHA256 Credential=${key.accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${sent}`;
  }
  const { host: _, ...sent } = all;
  const init: RequestInit = { method, headers: sent };
  if (body.length > 0) init.body = body;
  const answer = await fetch(`http://127.0.0.1:${port}${path}${query ? `?${query}` : ''}`, init);
  const bytes = Buffer.from(await answer.arrayBuffer());
  return { status: answer.status, text: bytes.toString('utf8'), bytes, headers: answer.headers };
}
