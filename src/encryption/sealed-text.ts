import { createCipheriv, createDecipheriv } from 'node:crypto';
import { EMPTY, utf8 } from '../base/bytes.js';
import { StoreDamaged } from '../base/damaged.js';
import { hkdfExpandSha512, hkdfExtractSha512 } from '../base/hkdf.js';
import { drawPublic } from '../base/random-pool.js';
import { Secret } from '../base/secret.js';
import { Xaes } from '../seal/xaes.js';
import type { ObjectIds } from './object-ids.js';

/** In front of the base64, which has no such character. The first texts have none. */
const MARK = '2.';
const LABEL = utf8('coffer/checksum/2\0');
const SALT_BYTES = 24;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const GCM = { authTagLength: TAG_BYTES };

/** A short text (a checksum) under a key that is derived from the data key for this text alone (FORMAT.md, "Checksums"). */
export function sealText(dataKey: Secret, ids: ObjectIds, text: string): string {
  const salt = drawPublic(SALT_BYTES);
  return withKey(dataKey, ids, salt, (key, nonce) => {
    const cipher = createCipheriv('aes-256-gcm', key, nonce, GCM);
    const sealed = [cipher.update(text, 'utf8'), cipher.final()];
    return MARK + Buffer.concat([salt, ...sealed, cipher.getAuthTag()]).toString('base64');
  });
}

/** @throws StoreDamaged */
export function openText(dataKey: Secret, ids: ObjectIds, sealed: string): string {
  if (!sealed.startsWith(MARK)) return openFirst(dataKey, ids, Buffer.from(sealed, 'base64'));
  const bytes = Buffer.from(sealed.slice(MARK.length), 'base64');
  const end = bytes.length - TAG_BYTES;
  if (end < SALT_BYTES) throw new StoreDamaged('a sealed text is too short');
  return withKey(dataKey, ids, bytes.subarray(0, SALT_BYTES), (key, nonce) => {
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, GCM);
      decipher.setAuthTag(bytes.subarray(end));
      const text = decipher.update(bytes.subarray(SALT_BYTES, end));
      decipher.final();
      return text.toString('utf8');
    } catch {
      throw new StoreDamaged('a sealed text does not open');
    }
  });
}

function withKey<T>(dataKey: Secret, ids: ObjectIds, salt: Buffer, use: (key: Buffer, nonce: Buffer) => T): T {
  const info = Buffer.concat([LABEL, ids.bucketId, ids.objectId, salt]);
  // The data key is uniform: there is nothing to extract.
  const derived = hkdfExpandSha512(dataKey.expose(), info, KEY_BYTES + NONCE_BYTES);
  try {
    return use(derived.subarray(0, KEY_BYTES), derived.subarray(KEY_BYTES));
  } finally {
    derived.fill(0);
  }
}

const FIRST_INFO = utf8('coffer/checksum');

/** Of the first texts: one key for all of a version, and XAES-256-GCM. */
function openFirst(dataKey: Secret, ids: ObjectIds, sealed: Buffer): string {
  const prk = hkdfExtractSha512(Buffer.concat([ids.bucketId, ids.objectId]), dataKey.expose());
  const key = hkdfExpandSha512(prk, FIRST_INFO, KEY_BYTES);
  prk.fill(0);
  try {
    return new Xaes(new Secret(key)).open(EMPTY, sealed).toString('utf8');
  } finally {
    key.fill(0);
  }
}
