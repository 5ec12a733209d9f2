import type { Caller } from '../auth/ports.js';
import type { Secret } from '../base/secret.js';
import type { ConditionValues } from '../policy/ports.js';

/** KMS encryption context: pairs bound as authenticated data. Its one canonical encoding is `encryption/context.ts`. */
export type EncryptionContext = Readonly<Record<string, string>>;

/** On whose behalf and through what the key service is called; the service decides by it and writes it to the audit. */
export interface KmsCallerContext {
  caller: Caller;
  /** `s3.<region>.amazonaws.com` when the store calls for a client (`kms:ViaService`); absent over the wire. */
  viaService?: string;
  /** `aws:SourceIp`, `aws:SecureTransport` and the like, lower-case keys. */
  requestContext?: ConditionValues;
  requestId: string;
  /** The S3 request that the store calls for, for the audit; absent over the wire. */
  source?: { operation: string; bucket: string; key: string };
}

export interface KeyFacts {
  keyArn: string;
  keyId: string;
  accountId: string;
  keyState:
    | 'Enabled'
    | 'Disabled'
    | 'PendingDeletion'
    | 'PendingImport'
    | 'Unavailable'
    | 'Creating'
    | 'Updating'
    | 'PendingReplicaDeletion';
  keySpec: string;
  keyUsage: string;
  keyManager: 'AWS' | 'CUSTOMER';
}

/**
 * True where the key lies in a custom key store: what it opens isn't kept, so that it is there as long as the holder of the key is.
 */
type Held = boolean;

/**
 * What the store needs of a key service. `kms/` implements it in process, `kms/remote.ts` over `@aws-sdk/client-kms`.
 * Every method authorizes the caller (key policy, grants, identity policies) and checks the key's state.
 * `keyId` is a key id, key ARN, alias name or alias ARN; `alias/aws/s3` is made on first use.
 * @throws KmsError
 */
export interface KeyService {
  generateDataKey(
    who: KmsCallerContext,
    request: { keyId: string; context: EncryptionContext },
  ): Promise<{
    keyArn: string;
    plaintext: Secret;
    ciphertextBlob: Buffer;
    /** The backing key, 64 hexadecimal digits: what the index of key impact is kept by. A remote KMS may not tell. */
    keyMaterialId?: string | undefined;
    held?: Held;
  }>;
  decrypt(
    who: KmsCallerContext,
    request: { ciphertextBlob: Uint8Array; context: EncryptionContext; keyId?: string },
  ): Promise<{ keyArn: string; plaintext: Secret; held?: Held }>;
  /** For a data key that exists already: it is wrapped anew, never made here. At most 4,096 bytes. `kms:Encrypt`. */
  encrypt(
    who: KmsCallerContext,
    request: { keyId: string; plaintext: Secret; context: EncryptionContext },
  ): Promise<{ keyArn: string; ciphertextBlob: Buffer; keyMaterialId?: string | undefined }>;
  /**
   * Would `action` be allowed now? Throws as the action itself would. For a cached S3 Bucket Key. Answers which key an id or
   * alias names now.
   */
  authorize(
    who: KmsCallerContext,
    request: { action: 'kms:GenerateDataKey' | 'kms:Decrypt'; keyId: string; context: EncryptionContext },
  ): Promise<{ keyArn: string }>;
  /** Without authorization: for the store's own validation of a key that a request or a bucket default names. */
  describeKey(who: KmsCallerContext, keyId: string): Promise<KeyFacts>;
}

/** What can't be read any more once these backing keys are gone. */
export interface ImpactFigures {
  /** Object versions, current or not. */
  objects: number;
  /** Their plaintext. */
  bytes: number;
  /** In UTF-8 byte order of the names. */
  buckets: { bucket: string; objects: number; bytes: number }[];
}

/** "What breaks if I delete this key?" `store/key-impact.ts` counts it. */
export interface KeyImpact {
  /** Exact: every version that was there when the count began and whose bucket is there when it ends. `materialIds`: 64 hex each. */
  of(materialIds: readonly string[]): Promise<ImpactFigures>;
}

/** An error by AWS KMS's code (`NotFoundException`, `DisabledException`, `KMSInvalidStateException`, `AccessDeniedException`, …). */
export class KmsError extends Error {
  override name = 'KmsError';
  constructor(
    readonly code: string,
    message: string,
    readonly statusCode = 400,
  ) {
    super(message);
  }
}
