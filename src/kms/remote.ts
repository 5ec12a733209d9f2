import {
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  KMSClient,
  KMSServiceException,
} from '@aws-sdk/client-kms';
import type { Clock } from '../base/clock.js';
import { Secret } from '../base/secret.js';
import {
  type EncryptionContext,
  type KeyFacts,
  type KeyService,
  type KmsCallerContext,
  KmsError,
} from '../encryption/ports.js';
import { decide } from '../policy/decide.js';
import { KmsConditions } from './conditions.js';
import { dataKeyFacts } from './data-key.js';
import { denied, notOurs } from './denial.js';
import type { KmsAction } from './key-authorizer.js';

const DESCRIBED_FOR_MS = 2_000;
const DESCRIBED_MAX = 1000;
const TIMEOUT_MS = 10_000;

/**
 * Another KMS behind its AWS API. It sees the gateway as caller: identity policies are evaluated here on the key's ARN, its key
 * policies there. Key states are asked for again after two seconds at most.
 */
export class RemoteKeyService implements KeyService {
  readonly #client: KMSClient;
  readonly #described = new Map<string, { facts: KeyFacts; untilMs: number }>();

  /** Credentials by the AWS SDK's default chain. */
  constructor(
    endpoint: string,
    private readonly region: string,
    private readonly clock: Clock,
    client?: KMSClient,
  ) {
    this.#client =
      client ??
      new KMSClient({
        endpoint,
        region,
        maxAttempts: 3,
        requestHandler: { requestTimeout: TIMEOUT_MS, connectionTimeout: 3000 },
      });
  }

  async generateDataKey(who: KmsCallerContext, request: { keyId: string; context: EncryptionContext }) {
    const { keyArn } = await this.#require(who, 'kms:GenerateDataKey', request.keyId, request.context);
    const command = new GenerateDataKeyCommand({
      KeyId: keyArn,
      KeySpec: 'AES_256',
      EncryptionContext: { ...request.context },
    });
    const answer = await this.#send(() => this.#client.send(command));
    return {
      keyArn: answer.KeyId!,
      plaintext: take(answer.Plaintext!),
      ciphertextBlob: Buffer.from(answer.CiphertextBlob!),
      keyMaterialId: answer.KeyMaterialId,
    };
  }

  async decrypt(
    who: KmsCallerContext,
    request: { ciphertextBlob: Uint8Array; context: EncryptionContext; keyId?: string },
  ): Promise<{ keyArn: string; plaintext: Secret }> {
    if (who.caller.kind === 'anonymous') throw notOurs(who, 'kms:Decrypt', request.keyId ?? '*');
    const KeyId =
      request.keyId === undefined
        ? undefined
        : (await this.#require(who, 'kms:Decrypt', request.keyId, request.context)).keyArn;
    const command = new DecryptCommand({
      CiphertextBlob: request.ciphertextBlob,
      EncryptionContext: { ...request.context },
      KeyId,
    });
    const answer = await this.#send(() => this.#client.send(command));
    const plaintext = take(answer.Plaintext!);
    try {
      // Only the answer tells which key a ciphertext belongs to: nothing is handed on before that key is allowed.
      if (KeyId === undefined) this.#decide(who, 'kms:Decrypt', answer.KeyId!, request.context);
    } catch (error) {
      plaintext.dispose();
      throw error;
    }
    return { keyArn: answer.KeyId!, plaintext };
  }

  async encrypt(who: KmsCallerContext, request: { keyId: string; plaintext: Secret; context: EncryptionContext }) {
    const { keyArn } = await this.#require(who, 'kms:Encrypt', request.keyId, request.context);
    const command = new EncryptCommand({
      KeyId: keyArn,
      Plaintext: request.plaintext.expose(),
      EncryptionContext: { ...request.context },
    });
    const answer = await this.#send(() => this.#client.send(command));
    // AWS's Encrypt doesn't tell the key material.
    return { keyArn: answer.KeyId!, ciphertextBlob: Buffer.from(answer.CiphertextBlob!) };
  }

  async authorize(
    who: KmsCallerContext,
    request: { action: 'kms:GenerateDataKey' | 'kms:Decrypt'; keyId: string; context: EncryptionContext },
  ): Promise<{ keyArn: string }> {
    const facts = await this.#require(who, request.action, request.keyId, request.context);
    if (facts.keyState === 'Disabled') throw new KmsError('DisabledException', `${facts.keyArn} is disabled.`);
    if (facts.keyState === 'PendingDeletion') {
      throw new KmsError('KMSInvalidStateException', `${facts.keyArn} is pending deletion.`);
    }
    if (facts.keyState !== 'Enabled')
      throw new KmsError('KMSInvalidStateException', `${facts.keyArn} is ${facts.keyState}.`);
    return facts;
  }

  async describeKey(_who: KmsCallerContext, keyId: string): Promise<KeyFacts> {
    const nowMs = this.clock.now();
    const known = this.#described.get(keyId);
    if (known && known.untilMs > nowMs) return known.facts;
    const { KeyMetadata } = await this.#send(() => this.#client.send(new DescribeKeyCommand({ KeyId: keyId })));
    const facts: KeyFacts = {
      keyArn: KeyMetadata!.Arn!,
      keyId: KeyMetadata!.KeyId!,
      accountId: KeyMetadata!.AWSAccountId!,
      keyState: KeyMetadata!.KeyState as KeyFacts['keyState'],
      keySpec: KeyMetadata!.KeySpec!,
      keyUsage: KeyMetadata!.KeyUsage!,
      keyManager: KeyMetadata!.KeyManager!,
    };
    if (this.#described.size >= DESCRIBED_MAX) this.#described.clear();
    this.#described.set(keyId, { facts, untilMs: nowMs + DESCRIBED_FOR_MS });
    return facts;
  }

  /** The caller's own identity policies, which the remote service doesn't know. */
  async #require(
    who: KmsCallerContext,
    action: KmsAction,
    keyId: string,
    context: EncryptionContext,
  ): Promise<KeyFacts> {
    const { caller } = who;
    // Nobody who is unknown gets as far as asking which keys there are.
    if (caller.kind === 'anonymous') throw notOurs(who, action, keyId);
    const facts = await this.describeKey(who, keyId);
    this.#decide(who, action, facts.keyArn, context);
    return facts;
  }

  /** With the condition keys that the request itself brings; those of the key, its tags and aliases, are known there alone. */
  #decide(who: KmsCallerContext, action: KmsAction, resource: string, context: EncryptionContext): void {
    const { caller } = who;
    const facts = dataKeyFacts(context);
    const place = { region: this.region, resourceAccountId: resource.split(':')[4] ?? '' };
    const request = {
      principal: caller,
      action,
      resource,
      resourceAccountId: caller.accountId,
      context: new KmsConditions({ who, action, facts, nowMs: this.clock.now(), ...place }),
    };
    const decision = decide(request, { identity: caller.policies });
    if (!decision.allowed) throw denied(who, action, resource, decision);
  }

  async #send<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (error instanceof KMSServiceException && (error.$metadata.httpStatusCode ?? 500) < 500) {
        throw new KmsError(error.name, error.message, error.$metadata.httpStatusCode);
      }
      throw new KmsError('UnavailableException', 'The key service does not answer.', 503);
    }
  }
}

/** The SDK's copy is zeroed; the strings it was decoded from can't be. */
function take(bytes: Uint8Array): Secret {
  const secret = new Secret(Buffer.from(bytes));
  bytes.fill(0);
  return secret;
}
