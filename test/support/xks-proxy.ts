import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export const XKS_CA_FILE = 'fixtures/xks/proxy.crt';

/** Shapes of AWS: an access key id of A–Z and 2–7, and a secret. */
export const xksCredential = () => ({
  AccessKeyId: Array.from(randomBytes(24), (byte) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[byte % 32]).join(''),
  RawSecretAccessKey: randomBytes(32).toString('base64'),
});
export type XksCredential = ReturnType<typeof xksCredential>;

interface ExternalKey {
  material: Buffer;
  keySpec: string;
  keyUsage: string[];
  keyStatus: string;
}

// biome-ignore lint/suspicious/noExplicitAny: JSON of the wire
type Json = any;

export interface Seen {
  path: string;
  body: Json;
}

/**
 * An external key store proxy with an external key manager in memory, after AWS's public XKS proxy API specification: it checks
 * Signature V4 with code of its own, and encrypts by AES-256-GCM.
 */
export class TestXksProxy {
  readonly keys = new Map<string, ExternalKey>();
  readonly credentials = new Map<string, string>();
  readonly seen: Seen[] = [];
  health: string[] = ['ACTIVE'];
  metadata: Buffer | undefined = Buffer.from('key_version=1');
  /** Answers in its place: an error of the specification, whatever else, or nothing at all. */
  answer: ((path: string, body: Json) => { status: number; body: Json } | 'silence' | undefined) | undefined;
  readonly #server = createServer(
    { cert: readFileSync(XKS_CA_FILE), key: readFileSync('fixtures/xks/proxy.key') },
    async (request, response) => {
      const body = await read(request);
      const result = this.#handle(request, body);
      if (result === 'silence') return;
      const text = typeof result.body === 'string' ? result.body : JSON.stringify(result.body);
      response.writeHead(result.status, { 'content-type': 'application/json' }).end(text);
    },
  );

  /** `port`: of an earlier one. */
  static async start(credential: XksCredential, port = 0): Promise<TestXksProxy> {
    const proxy = new TestXksProxy();
    proxy.credentials.set(credential.AccessKeyId, credential.RawSecretAccessKey);
    await proxy.listen(port);
    return proxy;
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve) => this.#server.listen(port, '127.0.0.1', () => resolve()));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get endpoint(): string {
    return `https://localhost:${this.port}`;
  }

  addKey(id: string, more: Partial<ExternalKey> = {}): void {
    const usage = { keySpec: 'AES_256', keyUsage: ['ENCRYPT', 'DECRYPT'], keyStatus: 'ENABLED' };
    this.keys.set(id, { material: randomBytes(32), ...usage, ...more });
  }

  /** Members of CreateCustomKeyStore. */
  settings(credential: XksCredential, name = 'external', path = '/kms/xks/v1') {
    return {
      CustomKeyStoreName: name,
      CustomKeyStoreType: 'EXTERNAL_KEY_STORE' as const,
      XksProxyConnectivity: 'PUBLIC_ENDPOINT' as const,
      XksProxyUriEndpoint: this.endpoint,
      XksProxyUriPath: path,
      XksProxyAuthenticationCredential: credential,
    };
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  #handle(request: IncomingMessage, bytes: Buffer): { status: number; body: Json } | 'silence' {
    const path = request.url!;
    const body = JSON.parse(bytes.toString('utf8'));
    this.seen.push({ path, body });
    if (!this.#isSigned(request, bytes)) return failed(401, 'AuthenticationFailedException');
    const instead = this.answer?.(path, body);
    if (instead) return instead;
    const [, keyId, operation] = /\/kms\/xks\/v1\/(?:health|keys\/([A-Za-z0-9._-]+)\/(\w+))$/.exec(path) ?? [path];
    if (path.endsWith('/kms/xks/v1/health')) return { status: 200, body: this.#health() };
    if (keyId === undefined) return failed(404, 'InvalidUriPathException');
    const key = this.keys.get(keyId);
    if (!key) return failed(404, 'KeyNotFoundException');
    const { material, ...metadata } = key;
    if (operation === 'metadata') return { status: 200, body: metadata };
    if (key.keyStatus !== 'ENABLED') return failed(400, 'InvalidStateException');
    if (operation === 'encrypt') return { status: 200, body: this.#encrypt(material, body) };
    return decrypt(material, body);
  }

  #health(): Json {
    const ekmFleetDetails = this.health.map((healthStatus, i) => ({ id: `hsm-${i}`, model: 'Memory 1', healthStatus }));
    return { xksProxyFleetSize: 1, xksProxyVendor: 'T', xksProxyModel: 'T 1', ekmVendor: 'T', ekmFleetDetails };
  }

  #encrypt(material: Buffer, body: Json): Json {
    const aad = decoded(body.additionalAuthenticatedData);
    const metadata = this.metadata ?? Buffer.alloc(0);
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', material, iv).setAAD(framed(aad, metadata));
    const ciphertext = Buffer.concat([cipher.update(decoded(body.plaintext)), cipher.final()]);
    const tag = cipher.getAuthTag();
    const value = createHash('sha256').update(Buffer.concat([aad, metadata, iv, ciphertext, tag]));
    return {
      ciphertext: ciphertext.toString('base64'),
      ...(this.metadata && { ciphertextMetadata: metadata.toString('base64') }),
      initializationVector: iv.toString('base64'),
      authenticationTag: tag.toString('base64'),
      ...(body.ciphertextDataIntegrityValueAlgorithm && { ciphertextDataIntegrityValue: value.digest('base64') }),
    };
  }

  #isSigned(request: IncomingMessage, body: Buffer): boolean {
    const match =
      /^AWS4-HMAC-SHA256 Credential=([A-Z2-7]+)\/(\d{8})\/([a-z0-9-]+)\/kms-xks-proxy\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/.exec(
        request.headers.authorization ?? '',
      );
    const secret = match && this.credentials.get(match[1]!);
    if (!match || !secret) return false;
    const [, , date, region, names, signature] = match as unknown as string[];
    const signed = names!.split(';');
    if (!signed.includes('host') || !signed.includes('x-amz-date')) return false;
    const headers = signed.map((name) => `${name}:${request.headers[name]}\n`).join('');
    const canonical = `${request.method}\n${request.url}\n\n${headers}\n${names}\n${sha256(body)}`;
    const scope = `${date}/${region}/kms-xks-proxy/aws4_request`;
    const toSign = `AWS4-HMAC-SHA256\n${request.headers['x-amz-date']}\n${scope}\n${sha256(canonical)}`;
    const key = [date!, region!, 'kms-xks-proxy', 'aws4_request'].reduce(hmac, Buffer.from(`AWS4${secret}`));
    return hmac(key, toSign).toString('hex') === signature;
  }
}

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
const decoded = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'base64');
export const failed = (status: number, errorName: string) => ({ status, body: { errorName, errorMessage: 'no' } });

/** The specification's framing of additional data and metadata. */
function framed(aad: Buffer, metadata: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(aad.length);
  return Buffer.concat([length, aad, Buffer.of(metadata.length), metadata]);
}

function decrypt(material: Buffer, body: Json): { status: number; body: Json } {
  try {
    const decipher = createDecipheriv('aes-256-gcm', material, decoded(body.initializationVector));
    decipher.setAAD(framed(decoded(body.additionalAuthenticatedData), decoded(body.ciphertextMetadata)));
    decipher.setAuthTag(decoded(body.authenticationTag));
    const plaintext = Buffer.concat([decipher.update(decoded(body.ciphertext)), decipher.final()]);
    return { status: 200, body: { plaintext: plaintext.toString('base64') } };
  } catch {
    return failed(400, 'InvalidCiphertextException');
  }
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
