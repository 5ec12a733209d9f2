import type { Clock } from '../base/clock.js';
import { type EncryptionContext, type KmsCallerContext, KmsError } from '../encryption/ports.js';
import { decide } from '../policy/decide.js';
import { parseKeyPolicy } from '../policy/parse.js';
import type { PolicyDocument } from '../policy/ports.js';
import { aliasArn } from './alias-name.js';
import { openBlob, readBlobHeader, sealBlob } from './ciphertext-blob.js';
import { accessDenied, disabled, invalidCiphertext, pendingDeletion } from './errors.js';
import { keyArn, resolveKey } from './key-reference.js';
import type { KeyRing } from './key-ring.js';
import type { KeyRecord } from './rows.js';

export type KmsAction = `kms:${string}`;

const MANAGED_DESCRIPTION = 'Default key that protects my S3 objects when no other key is defined';

/** CMKs as actions use them: found by any of their names, authorized, checked for their state, and only then used. */
export class Keys {
  readonly #policies = new WeakMap<KeyRecord, PolicyDocument>();

  constructor(
    readonly ring: KeyRing,
    readonly region: string,
    readonly clock: Clock,
    /** How long a day of waiting periods is, in milliseconds. */
    readonly dayMs: number,
  ) {}

  arn(record: Pick<KeyRecord, 'accountId' | 'keyId'>): string {
    return keyArn(this.region, record);
  }

  /** Found and authorized. @throws NotFoundException, AccessDeniedException */
  async require(who: KmsCallerContext, action: KmsAction, reference: string): Promise<KeyRecord> {
    const record = await this.find(who, reference);
    this.authorize(who, action, record);
    return record;
  }

  /** Found, authorized and enabled. @throws DisabledException, KMSInvalidStateException besides */
  async requireUsable(who: KmsCallerContext, action: KmsAction, reference: string): Promise<KeyRecord> {
    const record = await this.require(who, action, reference);
    this.requireEnabled(record);
    return record;
  }

  find(who: KmsCallerContext, reference: string): Promise<KeyRecord> {
    return resolveKey(this.ring, this.region, who, reference, this.clock.now(), (accountId, alias) =>
      this.ring.create(
        { accountId, description: MANAGED_DESCRIPTION, manager: 'AWS', policy: defaultPolicy(accountId), tags: [] },
        alias,
      ),
    );
  }

  authorize(who: KmsCallerContext, action: KmsAction, record: KeyRecord): void {
    const resource = this.arn(record);
    const { caller } = who;
    // KMS takes signed requests only: a key policy for `*` means everyone who has a name.
    if (caller.kind === 'anonymous') throw accessDenied('anonymous', action, resource, false);
    const request = {
      principal: caller,
      action,
      resource,
      resourceAccountId: record.accountId,
      context: who.requestContext ?? NO_CONTEXT,
    };
    const decision = decide(request, { identity: caller.policies, resource: this.#policyOf(record) });
    if (!decision.allowed) throw accessDenied(caller.arn, action, resource, decision.explicit);
  }

  /** For actions on no key in particular (CreateKey, ListKeys, GenerateRandom). */
  authorizeAccount(who: KmsCallerContext, action: KmsAction): void {
    this.#authorizeIn(who, action, '*');
  }

  /** An alias has no policy of its own: identity policies decide, besides those on its key. */
  authorizeAlias(who: KmsCallerContext, action: KmsAction, name: string): void {
    this.#authorizeIn(who, action, aliasArn(this.region, { accountId: who.caller.accountId, name }));
  }

  /** On a resource of the caller's own account that has no policy. */
  #authorizeIn(who: KmsCallerContext, action: KmsAction, resource: string): void {
    const { caller } = who;
    const request = {
      principal: caller,
      action,
      resource,
      resourceAccountId: caller.accountId,
      context: who.requestContext ?? NO_CONTEXT,
    };
    const decision = decide(request, { identity: caller.policies });
    if (!decision.allowed) throw accessDenied(caller.arn || 'anonymous', action, resource, decision.explicit);
  }

  requireEnabled(record: KeyRecord): void {
    if (record.state === 'Disabled') throw disabled(this.arn(record));
    if (record.state === 'PendingDeletion') throw pendingDeletion(this.arn(record));
  }

  /** A key that AWS manages is not the customer's to change. */
  requireCustomerManaged(record: KeyRecord, action: KmsAction): void {
    if (record.manager === 'CUSTOMER') return;
    throw new KmsError(
      'AccessDeniedException',
      `${this.arn(record)} is an AWS managed key: ${action} is only allowed on customer managed keys.`,
    );
  }

  encrypt(record: KeyRecord, context: EncryptionContext, plaintext: Uint8Array): Buffer {
    const backing = record.backingKeys.at(-1)!;
    const header = { keyId: record.keyId, backingKeyId: backing.id };
    return sealBlob(this.ring.open(record, backing), header, context, plaintext);
  }

  /**
   * The key that a ciphertext names, in the caller's account or in that of the key the request names.
   * @throws InvalidCiphertextException, IncorrectKeyException, and what `requireUsable` throws
   */
  async decrypt(
    who: KmsCallerContext,
    request: { ciphertextBlob: Uint8Array; context: EncryptionContext; keyId?: string | undefined; action?: KmsAction },
  ): Promise<{ record: KeyRecord; backingKeyId: string; plaintext: Buffer }> {
    const action = request.action ?? 'kms:Decrypt';
    const header = readBlobHeader(request.ciphertextBlob);
    const named = request.keyId === undefined ? undefined : await this.requireUsable(who, action, request.keyId);
    if (!header) throw invalidCiphertext();
    if (named && named.keyId !== header.keyId) {
      throw new KmsError(
        'IncorrectKeyException',
        'The key ID in the request does not identify a CMK that can perform this operation.',
      );
    }
    const record = named ?? (await this.#ofCiphertext(who, header.keyId));
    if (!named) {
      this.authorize(who, action, record);
      this.requireEnabled(record);
    }
    const backing = record.backingKeys.find((one) => one.id === header.backingKeyId);
    const plaintext = backing && openBlob(this.ring.open(record, backing), request.context, request.ciphertextBlob);
    if (!backing || !plaintext) throw invalidCiphertext();
    return { record, backingKeyId: backing.id, plaintext };
  }

  /** Whether another account has such a key is nobody's business: it is an invalid ciphertext like any other. */
  async #ofCiphertext(who: KmsCallerContext, keyId: string): Promise<KeyRecord> {
    try {
      return await this.find(who, keyId);
    } catch (error) {
      if (error instanceof KmsError && error.code === 'NotFoundException') throw invalidCiphertext();
      throw error;
    }
  }

  #policyOf(record: KeyRecord): PolicyDocument {
    let policy = this.#policies.get(record);
    if (!policy) {
      policy = parseKeyPolicy(JSON.parse(record.policy));
      this.#policies.set(record, policy);
    }
    return policy;
  }

  /** KeyMetadata of the API model. */
  metadata(record: KeyRecord): Record<string, unknown> {
    return {
      AWSAccountId: record.accountId,
      KeyId: record.keyId,
      Arn: this.arn(record),
      CreationDate: record.createdMs / 1000,
      Enabled: record.state === 'Enabled',
      Description: record.description,
      KeyUsage: 'ENCRYPT_DECRYPT',
      KeyState: record.state,
      ...(record.deletionMs === undefined ? {} : { DeletionDate: record.deletionMs / 1000 }),
      Origin: 'AWS_KMS',
      KeyManager: record.manager,
      CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
      KeySpec: 'SYMMETRIC_DEFAULT',
      EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
      MultiRegion: false,
      CurrentKeyMaterialId: record.backingKeys.at(-1)!.id,
    };
  }
}

const NO_CONTEXT: ReadonlyMap<string, readonly string[]> = new Map();

/** It trusts the account: its root may do all, and its identity policies decide for users and roles. */
export function defaultPolicy(accountId: string): string {
  return JSON.stringify(
    {
      Version: '2012-10-17',
      Id: 'key-default-1',
      Statement: [
        {
          Sid: 'Enable IAM User Permissions',
          Effect: 'Allow',
          Principal: { AWS: `arn:aws:iam::${accountId}:root` },
          Action: 'kms:*',
          Resource: '*',
        },
      ],
    },
    null,
    2,
  );
}
