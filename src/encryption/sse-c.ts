import { createHmac, randomBytes } from 'node:crypto';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8 } from '../base/bytes.js';
import { Mac } from '../base/mac.js';
import { Secret, secretBuffer } from '../base/secret.js';
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
const SALT_BYTES = 32;

/** `customerKey`: 32 bytes. */
export function wrapSseC(
  customerKey: Secret,
  ids: ObjectIds,
  dataKey: Secret,
  salt = randomBytes(SALT_BYTES),
): SseCWrap {
  const wrapped = withWrappingKey(customerKey, salt, (kek) => kek.seal(wrapAad(LABEL, ids), dataKey.expose()));
  return {
    mode: 'SSE-C',
    salt: salt.toString('base64'),
    verifier: verifierOf(customerKey, salt, ids).toBytes().toString('base64'),
    dataKey: wrapped.toString('base64'),
  };
}

/** Compares the verifier, in constant time; opens nothing. @throws WrongCustomerKey */
export function requireCustomerKey(
  customerKey: Secret,
  ids: ObjectIds,
  wrap: Pick<SseCWrap, 'salt' | 'verifier'>,
): void {
  const verifier = verifierOf(customerKey, Buffer.from(wrap.salt, 'base64'), ids);
  if (verifier.equals(Buffer.from(wrap.verifier, 'base64'))) return;
  throw new WrongCustomerKey('the key is not the one that the object was written with');
}

/** The verifier is compared first. @throws WrongCustomerKey; StoreDamaged */
export function unwrapSseC(customerKey: Secret, ids: ObjectIds, wrap: SseCWrap): Secret {
  requireCustomerKey(customerKey, ids, wrap);
  const salt = Buffer.from(wrap.salt, 'base64');
  const sealed = Buffer.from(wrap.dataKey, 'base64');
  return new Secret(withWrappingKey(customerKey, salt, (kek) => kek.open(wrapAad(LABEL, ids), sealed)));
}

function verifierOf(customerKey: Secret, salt: Buffer, ids: ObjectIds): Mac {
  const key = derive(customerKey, salt, 'coffer/sse-c/verify');
  const mac = new Mac(hmac(sha256, key, Buffer.concat([ids.bucketId, ids.objectId])));
  key.fill(0);
  return mac;
}

function withWrappingKey(customerKey: Secret, salt: Buffer, use: (kek: Xaes) => Buffer): Buffer {
  const key = derive(customerKey, salt, 'coffer/sse-c/kek');
  try {
    return use(new Xaes(new Secret(key)));
  } finally {
    key.fill(0);
  }
}

/** HKDF-SHA-512 (RFC 5869) by its two steps: `hkdfSync` keeps a copy of the key until the next garbage collection. */
function derive(customerKey: Secret, salt: Buffer, info: string): Buffer {
  const extracted = createHmac('sha512', salt).update(customerKey.expose()).digest();
  const expanded = createHmac('sha512', extracted).update(utf8(info)).update(Buffer.of(1)).digest();
  extracted.fill(0);
  const key = secretBuffer(32);
  expanded.copy(key, 0, 0, 32);
  expanded.fill(0);
  return key;
}
