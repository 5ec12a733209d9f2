import { randomBytes } from 'node:crypto';
import type { Clock } from '../base/clock.js';
import { Secret } from '../base/secret.js';
import { Xaes } from '../seal/xaes.js';
import { type BodyKeys, messageOpener, messageSealer } from './body-keys.js';
import type { Opener, Span } from './body-opener.js';
import { BodySealer } from './body-sealer.js';
import { BucketKeys } from './bucket-key.js';
import { createDsseKms, unwrapDsseKms } from './dsse-kms.js';
import { materialMember } from './material-id.js';
import { CHUNK_BYTES } from './message-sealer.js';
import type { ObjectIds } from './object-ids.js';
import type { EncryptionContext, KeyService, KmsCallerContext } from './ports.js';
import { arnsOfWrap, type ObjectArns, objectContext, partitionMember } from './s3-context.js';
import { openText, sealText } from './sealed-text.js';
import { unwrapSseC, wrapSseC } from './sse-c.js';
import { createSseKms, createUnderBucketKey, type SseKmsWrap, unwrapSseKms, wrapSseKms } from './sse-kms.js';
import { type SseS3Wrap, unwrapSseS3, wrapSseS3 } from './sse-s3.js';
import type { WrappedDataKey } from './wrapped-key.js';

/** How a new version's data key is to be wrapped. */
export type WrapRequest =
  | { mode: 'SSE-S3' }
  | { mode: 'SSE-C'; customerKey: Secret }
  | {
      mode: 'SSE-KMS';
      keyId: string;
      context: EncryptionContext;
      bucketKeyEnabled: boolean;
      /** By `kms:Encrypt` instead of `kms:GenerateDataKey`: what AWS has replication roles be allowed. */
      byEncrypt?: boolean;
    }
  | { mode: 'DSSE-KMS'; keyId: string; context: EncryptionContext };

/** Whose object it is about. */
export interface KeyTarget {
  who: KmsCallerContext;
  arns: ObjectArns;
  ids: ObjectIds;
}

/** An object by its name, which may change. */
export type Named = Pick<KeyTarget, 'who' | 'arns'>;

/**
 * One data key per object version, wrapped in one of four ways over one body format. Made when a version or an upload begins,
 * opened for every read and every part.
 */
export class DataKeys {
  readonly #storeKey: Xaes;
  readonly #bucketKeys: BucketKeys;

  /** `storeKey`: 32 bytes, derived from the root key. */
  constructor(
    private readonly keyService: KeyService,
    storeKey: Secret,
    clock: Clock,
  ) {
    this.#storeKey = new Xaes(storeKey);
    this.#bucketKeys = new BucketKeys(keyService, clock);
  }

  /** @throws KmsError */
  async create(target: KeyTarget, request: WrapRequest): Promise<VersionKeys> {
    const { who, arns, ids } = target;
    switch (request.mode) {
      case 'SSE-S3': {
        const dataKey = randomKey();
        return new VersionKeys(ids, wrapSseS3(this.#storeKey, ids, dataKey), dataKey);
      }
      case 'SSE-C': {
        const dataKey = randomKey();
        return new VersionKeys(ids, wrapSseC(request.customerKey, ids, dataKey), dataKey);
      }
      case 'SSE-KMS': {
        const { keyId, context } = request;
        if (!request.bucketKeyEnabled && request.byEncrypt) {
          const dataKey = randomKey();
          return new VersionKeys(ids, await wrapSseKms(this.keyService, who, arns, keyId, context, dataKey), dataKey);
        }
        if (!request.bucketKeyEnabled) {
          const { dataKey, wrap } = await createSseKms(this.keyService, who, arns, keyId, context);
          return new VersionKeys(ids, wrap, dataKey);
        }
        const dataKey = randomKey();
        const wrap = await createUnderBucketKey(this.#bucketKeys, who, arns, ids, keyId, context, dataKey);
        return new VersionKeys(ids, wrap, dataKey);
      }
      case 'DSSE-KMS': {
        const outerKey = randomKey();
        const { keyId, context } = request;
        const made = await createDsseKms(this.keyService, this.#storeKey, who, arns, ids, keyId, context, outerKey);
        return new VersionKeys(ids, made.wrap, made.innerKey, outerKey);
      }
    }
  }

  /** `customerKey`: for SSE-C alone. @throws KmsError; WrongCustomerKey; StoreDamaged */
  async open(target: KeyTarget, wrap: WrappedDataKey, customerKey?: Secret): Promise<VersionKeys> {
    const { who, arns, ids } = target;
    switch (wrap.mode) {
      case 'SSE-S3':
        return new VersionKeys(ids, wrap, unwrapSseS3(this.#storeKey, ids, wrap));
      case 'SSE-C':
        if (!customerKey) throw new RangeError('an SSE-C wrap opens with the customer key alone');
        return new VersionKeys(ids, wrap, unwrapSseC(customerKey, ids, wrap));
      case 'SSE-KMS': {
        const dataKey = await unwrapSseKms(this.keyService, this.#bucketKeys, who, arns, ids, wrap);
        return new VersionKeys(ids, wrap, dataKey);
      }
      case 'DSSE-KMS': {
        const keys = await unwrapDsseKms(this.keyService, this.#storeKey, who, arns, ids, wrap);
        return new VersionKeys(ids, wrap, keys.innerKey, keys.outerKey);
      }
    }
  }

  /**
   * Wraps a version's data key under another key of the KMS, for UpdateObjectEncryption: body and sealed checksums stay as they
   * are. It costs a call or two of the KMS, whatever the object's size. The client's context is kept.
   * @throws KmsError; StoreDamaged
   */
  async rewrap(
    target: KeyTarget,
    wrap: SseS3Wrap | SseKmsWrap,
    request: { keyId: string; bucketKeyEnabled: boolean },
  ): Promise<VersionKeys> {
    const { who, arns, ids } = target;
    const { keyId, bucketKeyEnabled } = request;
    const context = wrap.mode === 'SSE-KMS' ? wrap.context : {};
    const dataKey =
      wrap.mode === 'SSE-S3'
        ? unwrapSseS3(this.#storeKey, ids, wrap)
        : await unwrapSseKms(this.keyService, this.#bucketKeys, who, arns, ids, wrap);
    try {
      const fresh = bucketKeyEnabled
        ? await createUnderBucketKey(this.#bucketKeys, who, arns, ids, keyId, context, dataKey)
        : await wrapSseKms(this.keyService, who, arns, keyId, context, dataKey);
      return new VersionKeys(ids, fresh, dataKey);
    } catch (error) {
      dataKey.dispose();
      throw error;
    }
  }

  /**
   * The wrap of a version that gets another name. Only what the KMS itself encrypted names the object (`aws:s3:arn`): that is
   * decrypted under the old name and encrypted under the new one, with the caller's rights. All other wraps stay.
   * @throws KmsError
   */
  async rename(from: Named, to: Named, wrap: WrappedDataKey): Promise<WrappedDataKey> {
    if (wrap.mode === 'SSE-S3' || wrap.mode === 'SSE-C') return wrap;
    if (wrap.mode === 'SSE-KMS' && wrap.underBucketKey !== undefined) return wrap;
    const { keyArn: keyId, context, encryptedKey, keyMaterialId: _, partition: __, ...others } = wrap;
    const ciphertextBlob = Buffer.from(encryptedKey, 'base64');
    const old = { ciphertextBlob, context: objectContext(arnsOfWrap(from.arns, wrap), context), keyId };
    const opened = await this.keyService.decrypt(from.who, old);
    try {
      const request = { keyId, plaintext: opened.plaintext, context: objectContext(to.arns, context) };
      const made = await this.keyService.encrypt(to.who, request);
      const fresh = {
        keyArn: made.keyArn,
        encryptedKey: made.ciphertextBlob.toString('base64'),
        ...materialMember(made),
        ...partitionMember(to.arns),
      };
      return { ...others, context, ...fresh };
    } finally {
      opened.plaintext.dispose();
    }
  }

  /** Before a CMK is destroyed: no unwrapped bucket key outlives it. */
  forgetBucketKeys(): void {
    this.#bucketKeys.clear();
  }
}

/** What encrypts a body, as the body writer uses it. */
export interface Sealer {
  readonly chunkBytes: number;
  update(plaintext: Buffer): Buffer[];
  final(): Buffer[];
  /** There will be no end: keys are zeroed. */
  dispose(): void;
}

/** The opened keys of one object version. `dispose` zeroes them. */
export class VersionKeys {
  constructor(
    private readonly ids: ObjectIds,
    readonly wrapped: WrappedDataKey,
    private readonly dataKey: Secret,
    private readonly outerKey?: Secret,
  ) {}

  /** Checksums tell about the content: all but SSE-S3 seal them under the object's own key besides. */
  get sealsChecksums(): boolean {
    return this.wrapped.mode !== 'SSE-S3';
  }

  /** For whoever seals and opens bodies elsewhere. They are zeroed by `dispose` like the rest: copy what has to last longer. */
  get bodyKeys(): BodyKeys {
    return { ids: this.ids, dataKey: this.dataKey, outerKey: this.outerKey };
  }

  seal(partId: Buffer, chunkBytes = CHUNK_BYTES): Sealer {
    return new BodySealer((emit) => messageSealer(this.bodyKeys, partId, chunkBytes, emit));
  }

  /** The bytes [start, end) of a part of `sizeBytes`. */
  open(partId: Buffer, sizeBytes: number, chunkBytes: number, range: Span): Opener {
    return messageOpener(this.bodyKeys, { partId, size: sizeBytes, chunkBytes }, range);
  }

  /** Seals a short text (a checksum) under a key derived from the data key. */
  sealText(text: string): string {
    return sealText(this.dataKey, this.ids, text);
  }

  /** @throws StoreDamaged */
  openText(sealed: string): string {
    return openText(this.dataKey, this.ids, sealed);
  }

  dispose(): void {
    this.dataKey.dispose();
    this.outerKey?.dispose();
  }
}

const randomKey = (): Secret => new Secret(randomBytes(32));
