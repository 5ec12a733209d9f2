import { randomBytes } from 'node:crypto';
import { Secret } from '../base/secret.js';
import {
  type EncryptionContext,
  type KeyFacts,
  type KeyService,
  type KmsCallerContext,
  KmsError,
} from '../encryption/ports.js';
import { unsupported } from './errors.js';
import { Input } from './fields.js';
import type { Keys } from './keys.js';
import { ACTIONS, UNSUPPORTED } from './registry.js';

export interface KmsAnswer {
  status: number;
  json: Record<string, unknown>;
}

const TARGET = 'TrentService.';
const DATA_KEY_BYTES = 32;

/** The key service: over the wire by `dispatch`, in process as the store's KeyService. Both authorize every use of a key. */
export class Kms implements KeyService {
  constructor(readonly keys: Keys) {}

  /** One request of the AWS JSON 1.1 protocol. `target`: the X-Amz-Target header. */
  async dispatch(target: string, body: Buffer, who: KmsCallerContext): Promise<KmsAnswer> {
    try {
      return { status: 200, json: await this.#dispatch(target, body, who) };
    } catch (error) {
      if (!(error instanceof KmsError)) throw error;
      return {
        status: error.statusCode,
        json: { __type: error.code, ...(error.message === '' ? {} : { message: error.message }) },
      };
    }
  }

  async #dispatch(target: string, body: Buffer, who: KmsCallerContext): Promise<Record<string, unknown>> {
    const name = target.startsWith(TARGET) ? target.slice(TARGET.length) : '';
    const action = ACTIONS.get(name);
    if (!action) {
      if (UNSUPPORTED.has(name)) throw unsupported(`${name} is not supported by this version of Coffer.`);
      throw new KmsError('UnknownOperationException', '');
    }
    return action.handle(action.input(new Input(parseJson(body))), who, this.keys);
  }

  async generateDataKey(who: KmsCallerContext, request: { keyId: string; context: EncryptionContext }) {
    const record = await this.keys.requireUsable(who, 'kms:GenerateDataKey', request.keyId);
    const plaintext = randomBytes(DATA_KEY_BYTES);
    const ciphertextBlob = this.keys.encrypt(record, request.context, plaintext);
    return { keyArn: this.keys.arn(record), plaintext: new Secret(plaintext), ciphertextBlob };
  }

  async decrypt(
    who: KmsCallerContext,
    request: { ciphertextBlob: Uint8Array; context: EncryptionContext; keyId?: string },
  ): Promise<{ keyArn: string; plaintext: Secret }> {
    const { record, plaintext } = await this.keys.decrypt(who, request);
    return { keyArn: this.keys.arn(record), plaintext: new Secret(plaintext) };
  }

  async encrypt(who: KmsCallerContext, request: { keyId: string; plaintext: Secret; context: EncryptionContext }) {
    const record = await this.keys.requireUsable(who, 'kms:Encrypt', request.keyId);
    const ciphertextBlob = this.keys.encrypt(record, request.context, request.plaintext.expose());
    return { keyArn: this.keys.arn(record), ciphertextBlob };
  }

  async authorize(
    who: KmsCallerContext,
    request: { action: 'kms:GenerateDataKey' | 'kms:Decrypt'; keyId: string },
  ): Promise<{ keyArn: string }> {
    const record = await this.keys.requireUsable(who, request.action, request.keyId);
    return { keyArn: this.keys.arn(record) };
  }

  async describeKey(who: KmsCallerContext, keyId: string): Promise<KeyFacts> {
    const record = await this.keys.find(who, keyId);
    return {
      keyArn: this.keys.arn(record),
      keyId: record.keyId,
      accountId: record.accountId,
      keyState: record.state,
      keySpec: 'SYMMETRIC_DEFAULT',
      keyUsage: 'ENCRYPT_DECRYPT',
      keyManager: record.manager,
    };
  }
}

function parseJson(body: Buffer): Record<string, unknown> {
  if (body.length === 0) return {};
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch {
    json = undefined;
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new KmsError('SerializationException', 'The request body is not a JSON object.');
  }
  return json as Record<string, unknown>;
}
