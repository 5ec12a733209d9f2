import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8 } from '../base/bytes.js';
import { StoreDamaged } from '../base/damaged.js';
import { hkdfExpandSha512, hkdfExtractSha512 } from '../base/hkdf.js';
import { Mac } from '../base/mac.js';
import { Secret } from '../base/secret.js';
import { Xaes } from '../seal/xaes.js';
import { type ObjectIds, wrapAad } from './object-ids.js';

/** SSE-C: the data key under the customer's, of which only a salted HMAC is kept. */
export interface SseCWrap {
  mode: 'SSE-C';
  /** How the keys are derived; absent in the first wraps, which are only read (FORMAT.md, "Wrapped data keys"). */
  version?: typeof VERSION;
  /** 32 random bytes per version of an object. */
  salt: string;
  /** HMAC-SHA-256(verifier key, bucket id ‖ object id). */
  verifier: string;
  /** AES-256-GCM of the data key; XAES-256-GCM in the first wraps. */
  dataKey: string;
}

/** The key is not the one that the object was written with. */
export class WrongCustomerKey extends Error {
  override name = 'WrongCustomerKey';
}

const VERSION = 2;
const LABEL = 'coffer/sse-c/wrap';
const SALT_BYTES = 32;
const KEY_BYTES = 32;
const TAG_BYTES = 16;
/** The wrapping key comes from a salt that is drawn for one message. */
const NONCE = Buffer.alloc(12);
const GCM = { authTagLength: TAG_BYTES };

/** `customerKey`: 32 bytes. */
export function wrapSseC(customerKey: Secret, ids: ObjectIds, dataKey: Secret): SseCWrap {
  const salt = randomBytes(SALT_BYTES);
  return withKeys(customerKey, { version: VERSION, salt: salt.toString('base64') }, (keys) => ({
    mode: 'SSE-C',
    version: VERSION,
    salt: salt.toString('base64'),
    verifier: verifierOf(keys, ids).toBytes().toString('base64'),
    dataKey: keys.seal(wrapAad(LABEL, ids), dataKey.expose()).toString('base64'),
  }));
}

/** Compares the verifier, in constant time; opens nothing. @throws WrongCustomerKey */
export function requireCustomerKey(
  customerKey: Secret,
  ids: ObjectIds,
  wrap: Pick<SseCWrap, 'version' | 'salt' | 'verifier'>,
): void {
  withKeys(customerKey, wrap, (keys) => requireVerifier(keys, ids, wrap));
}

/** The verifier is compared first. @throws WrongCustomerKey; StoreDamaged */
export function unwrapSseC(customerKey: Secret, ids: ObjectIds, wrap: SseCWrap): Secret {
  return withKeys(customerKey, wrap, (keys) => {
    requireVerifier(keys, ids, wrap);
    return new Secret(keys.open(wrapAad(LABEL, ids), Buffer.from(wrap.dataKey, 'base64')));
  });
}

function requireVerifier(keys: DerivedKeys, ids: ObjectIds, { verifier }: Pick<SseCWrap, 'verifier'>): void {
  if (verifierOf(keys, ids).equals(Buffer.from(verifier, 'base64'))) return;
  throw new WrongCustomerKey('the key is not the one that the object was written with');
}

const verifierOf = ({ verifierKey }: DerivedKeys, ids: ObjectIds): Mac =>
  new Mac(hmac(sha256, verifierKey, Buffer.concat([ids.bucketId, ids.objectId])));

/** What is derived from a customer's key and a salt. */
interface DerivedKeys {
  readonly verifierKey: Buffer;
  seal(aad: Buffer, dataKey: Buffer): Buffer;
  /** @throws StoreDamaged */
  open(aad: Buffer, sealed: Buffer): Buffer;
  dispose(): void;
}

function withKeys<T>(
  customerKey: Secret,
  { version, salt }: Pick<SseCWrap, 'version' | 'salt'>,
  use: (keys: DerivedKeys) => T,
): T {
  const keys = derive(customerKey, version, Buffer.from(salt, 'base64'));
  try {
    return use(keys);
  } finally {
    keys.dispose();
  }
}

function derive(customerKey: Secret, version: number | undefined, salt: Buffer): DerivedKeys {
  if (version === VERSION) return new OneStepKeys(customerKey, salt);
  if (version === undefined) return new FirstKeys(customerKey, salt);
  throw new StoreDamaged(`an SSE-C wrap has version ${version}, this Coffer writes ${VERSION}`);
}

const ONE_STEP_INFO = utf8('coffer/sse-c/2');
/** Counter of the only block. */
const FIRST_BLOCK = Buffer.of(0, 0, 0, 1);

/** Both keys from one HMAC: the one-step key derivation of NIST SP 800-56C Rev. 2, section 4.1, option 2. */
class OneStepKeys implements DerivedKeys {
  readonly #keys: Buffer;

  constructor(customerKey: Secret, salt: Buffer) {
    const derivation = createHmac('sha512', salt).update(FIRST_BLOCK).update(customerKey.expose());
    this.#keys = derivation.update(ONE_STEP_INFO).digest();
  }

  get verifierKey(): Buffer {
    return this.#keys.subarray(KEY_BYTES);
  }

  seal(aad: Buffer, dataKey: Buffer): Buffer {
    const cipher = createCipheriv('aes-256-gcm', this.#wrappingKey, NONCE, GCM);
    cipher.setAAD(aad);
    const sealed = [cipher.update(dataKey), cipher.final()];
    return Buffer.concat([...sealed, cipher.getAuthTag()]);
  }

  open(aad: Buffer, sealed: Buffer): Buffer {
    if (sealed.length !== KEY_BYTES + TAG_BYTES) throw new StoreDamaged('a wrapped data key has another length');
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#wrappingKey, NONCE, GCM);
      decipher.setAAD(aad);
      decipher.setAuthTag(sealed.subarray(KEY_BYTES));
      const dataKey = decipher.update(sealed.subarray(0, KEY_BYTES));
      decipher.final();
      return dataKey;
    } catch {
      throw new StoreDamaged('a wrapped data key does not open');
    }
  }

  dispose(): void {
    this.#keys.fill(0);
  }

  get #wrappingKey(): Buffer {
    return this.#keys.subarray(0, KEY_BYTES);
  }
}

const KEK_INFO = utf8('coffer/sse-c/kek');
const VERIFY_INFO = utf8('coffer/sse-c/verify');

/** Of the first wraps: HKDF for each key, and XAES-256-GCM. */
class FirstKeys implements DerivedKeys {
  readonly #prk: Buffer;
  readonly verifierKey: Buffer;

  constructor(customerKey: Secret, salt: Buffer) {
    this.#prk = hkdfExtractSha512(salt, customerKey.expose());
    this.verifierKey = hkdfExpandSha512(this.#prk, VERIFY_INFO, KEY_BYTES);
  }

  seal(): never {
    throw new Error('wraps of the first version are only read');
  }

  open(aad: Buffer, sealed: Buffer): Buffer {
    const key = hkdfExpandSha512(this.#prk, KEK_INFO, KEY_BYTES);
    try {
      return new Xaes(new Secret(key)).open(aad, sealed);
    } finally {
      key.fill(0);
    }
  }

  dispose(): void {
    this.#prk.fill(0);
    this.verifierKey.fill(0);
  }
}
