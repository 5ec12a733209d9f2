import { sha256Hex } from '../../../auth/canonical.js';
import { scopeText } from '../../../auth/scope.js';
import { sign, signingKey } from '../../../auth/signing-key.js';
import type { Clock } from '../../../base/clock.js';
import { Secret } from '../../../base/secret.js';
import type { FleetStates, HolderCall } from '../ports.js';
import type { ProxyBacking } from '../record.js';
import type { XksCounts, XksOperation } from './counts.js';
import { scenarioOf, XksFailure } from './failure.js';
import type { XksTransport } from './transport.js';

/** What a proxy is asked with, beside its own address and credential. */
export interface XksParts {
  transport: XksTransport;
  counts: XksCounts;
  clock: Clock;
  /** Of the key service: it stands in the signature's scope. */
  region: string;
}

const SIGNED = 'host;x-amz-date';

/**
 * The external key store proxy API, version 1, from the side of AWS KMS: requests in JSON, signed by Signature Version 4 for the
 * service `kms-xks-proxy`. https://github.com/aws/aws-kms-xksproxy-api-spec
 */
export class XksProxy {
  readonly #secret: Secret;

  constructor(
    private readonly backing: Omit<ProxyBacking, 'type'>,
    private readonly parts: XksParts,
  ) {
    this.#secret = new Secret(Buffer.from(backing.secretAccessKey, 'latin1'));
  }

  /** Whether anything behind the proxy can serve. @throws XksFailure */
  async getHealthStatus(call: Pick<HolderCall, 'kmsOperation' | 'kmsRequestId'>): Promise<FleetStates> {
    const { kmsOperation, kmsRequestId } = call;
    const answer = await this.#ask('health', 'health', { requestMetadata: { kmsRequestId, kmsOperation } });
    const fleet = answer.ekmFleetDetails;
    if (!Array.isArray(fleet) || fleet.length === 0) throw new XksFailure('malformed');
    const states = fleet.map((one) => (one as { healthStatus?: unknown } | null)?.healthStatus);
    if (!states.every((one) => HEALTH.includes(one as string))) throw new XksFailure('malformed');
    if (states.every((one) => one === 'UNAVAILABLE')) throw new XksFailure('allUnavailable');
    const count = (state: string): number => states.filter((one) => one === state).length;
    return { active: count('ACTIVE'), degraded: count('DEGRADED'), unavailable: count('UNAVAILABLE') };
  }

  /** @throws XksFailure */
  async getKeyMetadata(keyId: string, call: HolderCall): Promise<XksKeyMetadata> {
    const { keySpec, keyUsage, keyStatus } = await this.#askKey(keyId, 'metadata', call, {});
    if (typeof keySpec !== 'string' || typeof keyStatus !== 'string') throw new XksFailure('malformed');
    if (!Array.isArray(keyUsage) || keyUsage.some((one) => typeof one !== 'string')) throw new XksFailure('malformed');
    return { keySpec, keyUsage, keyStatus };
  }

  /** What the proxy answers, as it is. @throws XksFailure */
  encrypt(keyId: string, plaintext: Buffer, aad: Buffer, call: HolderCall): Promise<Record<string, unknown>> {
    return this.#askKey(keyId, 'encrypt', call, {
      additionalAuthenticatedData: aad.toString('base64'),
      plaintext: plaintext.toString('base64'),
      encryptionAlgorithm: 'AES_GCM',
      ciphertextDataIntegrityValueAlgorithm: 'SHA_256',
    });
  }

  /** `fields`: of what was encrypted, in base64. @throws XksFailure */
  decrypt(
    keyId: string,
    fields: Record<string, string>,
    aad: Buffer,
    call: HolderCall,
  ): Promise<Record<string, unknown>> {
    return this.#askKey(keyId, 'decrypt', call, {
      ...fields,
      encryptionAlgorithm: 'AES_GCM',
      additionalAuthenticatedData: aad.toString('base64'),
    });
  }

  #askKey(
    keyId: string,
    operation: XksOperation,
    call: HolderCall,
    more: Record<string, unknown>,
  ): Promise<Record<string, unknown>> {
    return this.#ask(operation, `keys/${keyId}/${operation}`, { requestMetadata: call, ...more });
  }

  async #ask(
    operation: XksOperation,
    path: string,
    content: Record<string, unknown>,
  ): Promise<Record<string, unknown>> {
    const fromMs = performance.now();
    let result = 'tooMany';
    try {
      const answer = await this.#answer(path, content);
      result = 'ok';
      return answer;
    } catch (error) {
      if (error instanceof XksFailure) result = error.scenario;
      throw error;
    } finally {
      this.parts.counts.count(operation, result, (performance.now() - fromMs) / 1000);
    }
  }

  async #answer(path: string, content: Record<string, unknown>): Promise<Record<string, unknown>> {
    const url = new URL(`${this.backing.endpoint}${this.backing.path}/${path}`);
    const body = Buffer.from(JSON.stringify(content), 'utf8');
    const { status, body: answer } = await this.parts.transport.post(url, this.#headers(url, body), body);
    body.fill(0);
    const json = parse(answer);
    answer.fill(0);
    if (status !== 200) throw new XksFailure(scenarioOf(json?.errorName));
    if (!json) throw new XksFailure('malformed');
    return json;
  }

  #headers(url: URL, body: Buffer): Record<string, string> {
    const { accessKeyId } = this.backing;
    const time = `${new Date(this.parts.clock.now()).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
    const scope = { date: time.slice(0, 8), region: this.parts.region, service: 'kms-xks-proxy' };
    const canonical = `POST\n${url.pathname}\n\nhost:${url.host}\nx-amz-date:${time}\n\n${SIGNED}\n${sha256Hex(body)}`;
    const toSign = `AWS4-HMAC-SHA256\n${time}\n${scopeText(scope)}\n${sha256Hex(canonical)}`;
    const signature = sign(signingKey(accessKeyId, this.#secret, scope), toSign);
    return {
      host: url.host,
      'x-amz-date': time,
      'content-type': 'application/json',
      'content-length': String(body.length),
      authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scopeText(scope)}, SignedHeaders=${SIGNED}, Signature=${signature}`,
    };
  }
}

export interface XksKeyMetadata {
  keySpec: string;
  keyUsage: string[];
  keyStatus: string;
}

const HEALTH = ['ACTIVE', 'DEGRADED', 'UNAVAILABLE'];

function parse(body: Buffer): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(body.toString('utf8'));
    return typeof json === 'object' && json !== null && !Array.isArray(json)
      ? (json as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
