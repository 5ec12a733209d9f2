import type { Clock } from '../base/clock.js';
import type { Secret } from '../base/secret.js';
import { Xaes } from '../seal/xaes.js';
import { type MaterialId, materialMember } from './material-id.js';
import type { KeyService, KmsCallerContext } from './ports.js';
import { bucketContext, type ObjectArns } from './s3-context.js';

/** How long an unwrapped S3 Bucket Key may stay in memory. */
const LIFETIME_MS = 5 * 60 * 1000;
const CACHED_MAX = 1000;

/** `keyMaterialId`: of the key that new objects go under. */
interface CachedKey extends MaterialId {
  key: Xaes;
  keyArn: string;
  encryptedKey: string;
  untilMs: number;
}

/**
 * S3 Bucket Keys. Only the unwrapped key is cached: the caller's rights and the state of the CMK are asked for at every use, so
 * disabling a key or taking a right away takes effect on the next request. Under a key of a custom key store nothing is cached.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html
 */
export class BucketKeys {
  /** By bucket id and wrapped key; and, for writing, by bucket id and the key id that was asked for. */
  readonly #opened = new Map<string, CachedKey>();
  /** What was asked for before the last clearing isn't kept. */
  #clearings = 0;

  constructor(
    private readonly kms: KeyService,
    private readonly clock: Clock,
  ) {}

  /** The key that new objects of a bucket go under. @throws KmsError */
  async current(who: KmsCallerContext, arns: ObjectArns, bucketId: Buffer, keyId: string): Promise<CachedKey> {
    const name = `w/${bucketId.toString('hex')}/${who.caller.accountId}/${keyId}`;
    const context = bucketContext(arns);
    const cached = this.#get(name);
    if (cached) {
      const { keyArn } = await this.kms.authorize(who, { action: 'kms:GenerateDataKey', keyId, context });
      // An alias may name another key by now.
      if (keyArn === cached.keyArn) return cached;
    }
    const clearings = this.#clearings;
    const made = await this.kms.generateDataKey(who, { keyId, context });
    const encryptedKey = made.ciphertextBlob.toString('base64');
    const about = { keyArn: made.keyArn, encryptedKey, held: made.held, ...materialMember(made) };
    return this.#keep([name, readName(bucketId, encryptedKey)], about, made.plaintext, clearings);
  }

  /** The key that an object lies under. @throws KmsError */
  async open(
    who: KmsCallerContext,
    arns: ObjectArns,
    bucketId: Buffer,
    wrap: { keyArn: string; encryptedKey: string },
  ): Promise<Xaes> {
    const name = readName(bucketId, wrap.encryptedKey);
    const context = bucketContext(arns);
    const cached = this.#get(name);
    if (cached) {
      await this.kms.authorize(who, { action: 'kms:Decrypt', keyId: wrap.keyArn, context });
      return cached.key;
    }
    const ciphertextBlob = Buffer.from(wrap.encryptedKey, 'base64');
    const clearings = this.#clearings;
    const opened = await this.kms.decrypt(who, { ciphertextBlob, context, keyId: wrap.keyArn });
    const about = { keyArn: opened.keyArn, encryptedKey: wrap.encryptedKey, held: opened.held };
    return this.#keep([name], about, opened.plaintext, clearings).key;
  }

  /** Forgets all keys: before their CMK is destroyed. */
  clear(): void {
    this.#clearings++;
    this.#opened.clear();
  }

  /** How many are in memory. */
  get size(): number {
    return this.#opened.size;
  }

  #get(name: string): CachedKey | undefined {
    const cached = this.#opened.get(name);
    if (cached && cached.untilMs > this.clock.now()) return cached;
    this.#opened.delete(name);
    return undefined;
  }

  #keep(
    names: readonly string[],
    { held, ...made }: Pick<CachedKey, 'keyArn' | 'encryptedKey' | 'keyMaterialId'> & { held: boolean | undefined },
    plaintext: Secret,
    clearings: number,
  ): CachedKey {
    const key = new Xaes(plaintext);
    plaintext.dispose();
    const nowMs = this.clock.now();
    const cached = { ...made, key, untilMs: nowMs + LIFETIME_MS };
    if (held || clearings !== this.#clearings) return cached;
    for (const name of names) {
      this.#opened.delete(name);
      this.#opened.set(name, cached);
    }
    // A map keeps the order of insertion: the oldest come first, and what nobody asks for again goes, too.
    for (const [name, { untilMs }] of this.#opened) {
      if (untilMs > nowMs && this.#opened.size <= CACHED_MAX) break;
      this.#opened.delete(name);
    }
    return cached;
  }
}

const readName = (bucketId: Buffer, encryptedKey: string): string => `r/${bucketId.toString('hex')}/${encryptedKey}`;
