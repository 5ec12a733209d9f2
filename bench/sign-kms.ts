import { createHash, createHmac } from 'node:crypto';
import { CREDENTIALS } from './presign.js';

export interface KmsRequest {
  /** `GenerateDataKey`. */
  action: string;
  /** Sent as JSON. */
  input: object;
}

const REGION = 'us-east-1';

/** Signature V4 in headers over the body's hash, as SDKs sign KMS requests. Made apart from the code under test. */
export class KmsSigner {
  readonly #amzDate = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  readonly #scope = `${this.#amzDate.slice(0, 8)}/${REGION}/kms/aws4_request`;
  readonly #key = [this.#amzDate.slice(0, 8), REGION, 'kms', 'aws4_request'].reduce<Buffer | string>(
    (key, part) => hmac(key, part),
    `AWS4${CREDENTIALS.secretAccessKey}`,
  );

  constructor(private readonly host: string) {}

  /** Headers (with `host` and `content-length`) and body of a POST to `/`. */
  sign({ action, input }: KmsRequest): { headers: Record<string, string>; body: string } {
    const body = JSON.stringify(input);
    const headers: Record<string, string> = {
      'content-type': 'application/x-amz-json-1.1',
      host: this.host,
      'x-amz-date': this.#amzDate,
      'x-amz-target': `TrentService.${action}`,
    };
    const names = Object.keys(headers).sort();
    const canonical = [
      'POST',
      '/',
      '',
      ...names.map((name) => `${name}:${headers[name]}`),
      '',
      names.join(';'),
      sha256(body),
    ].join('\n');
    const text = `AWS4-HMAC-SHA256\n${this.#amzDate}\n${this.#scope}\n${sha256(canonical)}`;
    const signature = hmac(this.#key, text).toString('hex');
    const credential = `${CREDENTIALS.accessKeyId}/${this.#scope}`;
    headers.authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
    headers['content-length'] = String(Buffer.byteLength(body));
    return { headers, body };
  }
}

/** One request, answered. */
export async function askKms(port: number, request: KmsRequest): Promise<Record<string, unknown>> {
  const host = `127.0.0.1:${port}`;
  const { headers, body } = new KmsSigner(host).sign(request);
  const { host: _, 'content-length': __, ...sent } = headers;
  const answer = await fetch(`http://${host}/`, { method: 'POST', headers: sent, body });
  const json = (await answer.json()) as Record<string, unknown>;
  if (answer.status !== 200) throw new Error(`${request.action}: ${JSON.stringify(json)}`);
  return json;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: Buffer | string, text: string): Buffer => createHmac('sha256', key).update(text).digest();
