import { randomBytes } from 'node:crypto';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8 } from '../base/bytes.js';
import { hkdfExpandSha512, hkdfExtractSha512 } from '../base/hkdf.js';
import { Mac } from '../base/mac.js';
import { Secret } from '../base/secret.js';
import { Xaes } from '../seal/xaes.js';
import { type ObjectIds, wrapAad } from './object-ids.js';

/** SSE-C: the data key under the customer's, of which only a salted HMAC is kept. */
export interface SseCWrap {
  mode: 'SSE-C';
  /** 32 random bytes per version. */
  salt: string;
  /** HMAC-SHA-256(verifier key, bucket id ‖ object id). */
  verifier: string;
  /** XAES-256-GCM of the data key. */
  dataKey: string;
}

/** The key is not the one that the object was written with. */
export class WrongCustomerKey extends Error {
  override name = 'WrongCustomerKey';
}

const LABEL = 'coffer/sse-c/wrap';
const KEK_INFO = utf8('coffer/sse-c/kek');
const VERIFY_INFO = utf8('coffer/sse-c/verify');
const SALT_BYTES = 32;

/** `customerKey`: 32 bytes. */
export function wrapSseC(
  customerKey: Secret,
  ids: ObjectIds,
  dataKey: Secret,
  salt = randomBytes(SALT_BYTES),
): SseCWrap {
  return withKeys(customerKey, salt, (keys) => ({
    mode: 'SSE-C',
    salt: salt.toString('base64'),
    verifier: keys.verifier(ids).toBytes().toString('base64'),
    dataKey: keys.wrapping().seal(wrapAad(LABEL, ids), dataKey.expose()).toString('base64'),
  }));
}

/** Compares the verifier, in constant time; opens nothing. @throws WrongCustomerKey */
export function requireCustomerKey(
  customerKey: Secret,
  ids: ObjectIds,
  wrap: Pick<SseCWrap, 'salt' | 'verifier'>,
): void {
  withKeys(customerKey, Buffer.from(wrap.salt, 'base64'), (keys) => requireVerifier(keys, ids, wrap));
}

/** The verifier is compared first. @throws WrongCustomerKey; StoreDamaged */
export function unwrapSseC(customerKey: Secret, ids: ObjectIds, wrap: SseCWrap): Secret {
  return withKeys(customerKey, Buffer.from(wrap.salt, 'base64'), (keys) => {
    requireVerifier(keys, ids, wrap);
    return new Secret(keys.wrapping().open(wrapAad(LABEL, ids), Buffer.from(wrap.dataKey, 'base64')));
  });
}

function requireVerifier(keys: DerivedKeys, ids: ObjectIds, { verifier }: Pick<SseCWrap, 'verifier'>): void {
  if (keys.verifier(ids).equals(Buffer.from(verifier, 'base64'))) return;
  throw new WrongCustomerKey('the key is not the one that the object was written with');
}

function withKeys<T>(customerKey: Secret, salt: Buffer, use: (keys: DerivedKeys) => T): T {
  const keys = new DerivedKeys(customerKey, salt);
  try {
    return use(keys);
  } finally {
    keys.dispose();
  }
}

/** What is derived from a customer's key and a salt: extracted once, expanded to what is needed. */
class DerivedKeys {
  readonly #prk: Buffer;

  constructor(customerKey: Secret, salt: Buffer) {
    this.#prk = hkdfExtractSha512(salt, customerKey.expose());
  }

  verifier(ids: ObjectIds): Mac {
    const key = hkdfExpandSha512(this.#prk, VERIFY_INFO, 32);
    const mac = new Mac(hmac(sha256, key, Buffer.concat([ids.bucketId, ids.objectId])));
    key.fill(0);
    return mac;
  }

  wrapping(): Xaes {
    const key = hkdfExpandSha512(this.#prk, KEK_INFO, 32);
    const kek = new Xaes(new Secret(key));
    key.fill(0);
    return kek;
  }

  dispose(): void {
    this.#prk.fill(0);
  }
}
