import { parseJsonObject } from '../base/json-object.js';
import { Secret } from '../base/secret.js';
import {
  type EncryptionContext,
  type KeyFacts,
  type KeyService,
  type KmsCallerContext,
  KmsError,
} from '../encryption/ports.js';
import { type Answer, requireConnected, requireUsable } from './action.js';
import { Call } from './call.js';
import { keyFor } from './ciphertext.js';
import { dataKeyFacts, newDataKey } from './data-key.js';
import { serialization } from './errors.js';
import { Input } from './fields.js';
import type { Keys } from './keys.js';
import { ACTIONS } from './registry.js';
import { decryptBlob, encryptUnder, requireSymmetric } from './symmetric.js';

export interface KmsAnswer {
  status: number;
  json: Record<string, unknown>;
}

const TARGET = 'TrentService.';
const DATA_KEY_BYTES = 32;

/** The key service: over the wire by `dispatch`, in process as the store's KeyService. Both authorize and record every use of a key. */
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

  #dispatch(target: string, body: Buffer, who: KmsCallerContext): Promise<Answer> {
    const name = target.startsWith(TARGET) ? target.slice(TARGET.length) : '';
    const action = ACTIONS.get(name);
    if (!action) throw new KmsError('UnknownOperationException', '');
    return this.#recorded(name, who, (call) => {
      const input = new Input(parseJson(body));
      const asked = action.input(input);
      input.requireAllRead();
      return action.run(asked, call);
    });
  }

  generateDataKey(who: KmsCallerContext, { keyId, context }: { keyId: string; context: EncryptionContext }) {
    return this.#recorded('GenerateDataKey', who, async (call) => {
      const record = await this.#dataKeyOf(call, keyId, context);
      const made = newDataKey(call, record, context, DATA_KEY_BYTES);
      const { plaintext, blob, keyMaterialId } = made instanceof Promise ? await made : made;
      call.uses(record);
      const held = record.keyStore !== undefined;
      const key = { keyArn: this.keys.arn(record), plaintext: new Secret(plaintext), held };
      return { ...key, ciphertextBlob: blob, keyMaterialId };
    });
  }

  decrypt(
    who: KmsCallerContext,
    { ciphertextBlob, context, keyId }: { ciphertextBlob: Uint8Array; context: EncryptionContext; keyId?: string },
  ): Promise<{ keyArn: string; plaintext: Secret; held: boolean }> {
    return this.#recorded('Decrypt', who, async (call) => {
      call.note({ encryptionContext: context });
      const blob = Buffer.from(ciphertextBlob);
      const record = await keyFor(call, { blob, context, keyId, algorithm: 'SYMMETRIC_DEFAULT' }, 'kms:Decrypt');
      const opened = decryptBlob(call, record, blob, context);
      const { plaintext } = opened instanceof Promise ? await opened : opened;
      call.uses(record);
      const held = record.keyStore !== undefined;
      return { keyArn: this.keys.arn(record), plaintext: new Secret(plaintext), held };
    });
  }

  encrypt(
    who: KmsCallerContext,
    { keyId, plaintext, context }: { keyId: string; plaintext: Secret; context: EncryptionContext },
  ): Promise<{ keyArn: string; ciphertextBlob: Buffer; keyMaterialId: string }> {
    return this.#recorded('Encrypt', who, async (call) => {
      const record = await this.#dataKeyOf(call, keyId, context);
      const made = encryptUnder(call, record, context, plaintext.expose());
      const { blob, keyMaterialId } = made instanceof Promise ? await made : made;
      call.uses(record);
      return { keyArn: this.keys.arn(record), ciphertextBlob: blob, keyMaterialId };
    });
  }

  authorize(
    who: KmsCallerContext,
    request: { action: 'kms:GenerateDataKey' | 'kms:Decrypt'; keyId: string; context: EncryptionContext },
  ): Promise<{ keyArn: string }> {
    return this.#recorded(request.action.slice('kms:'.length), who, async (call) => {
      call.note({ details: { S3BucketKey: true } });
      const record = await this.#dataKeyOf(call, request.keyId, request.context);
      call.uses(record);
      return { keyArn: this.keys.arn(record) };
    });
  }

  async describeKey(who: KmsCallerContext, keyId: string): Promise<KeyFacts> {
    // Only the making of an AWS-managed key is an event.
    const call = new Call('DescribeKey', who, this.keys);
    const record = await call.find(this.keys.reference(who, keyId));
    return {
      keyArn: this.keys.arn(record),
      keyId: record.keyId,
      accountId: record.accountId,
      keyState: await this.keys.shownState(record),
      keySpec: record.spec,
      keyUsage: record.usage,
      keyManager: record.manager,
    };
  }

  /** A key that data keys may be under, authorized and usable. The action is the call's own name. */
  async #dataKeyOf(call: Call, keyId: string, context: EncryptionContext) {
    call.note({ encryptionContext: context });
    const record = await call.key(keyId, dataKeyFacts(context), { otherAccounts: true, byAlias: true });
    requireUsable(call, record, 'usable', 'ENCRYPT_DECRYPT');
    const connected = requireConnected(call, record);
    if (connected) await connected;
    requireSymmetric(record, this.keys.arn(record));
    return record;
  }

  /** Allowed or refused, every request becomes a record; no answer leaves before the log has taken it. */
  async #recorded<T>(name: string, who: KmsCallerContext, work: (call: Call) => Promise<T>): Promise<T> {
    const call = new Call(name, who, this.keys);
    let answer: T;
    try {
      answer = await work(call);
    } catch (error) {
      await call.failed(error);
      throw error;
    }
    await call.succeeded();
    return answer;
  }
}

function parseJson(body: Buffer): Record<string, unknown> {
  const json = parseJsonObject(body);
  if (!json) throw serialization('The request body is not a JSON object.');
  return json;
}
