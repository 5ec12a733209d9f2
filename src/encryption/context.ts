import { lengthPrefixed, u32, utf8 } from '../base/bytes.js';
import { compareUtf8 } from '../base/order.js';
import type { EncryptionContext } from './ports.js';

/**
 * The one canonical encoding of an encryption context (FORMAT.md, "Encryption context"): u32 number of pairs, then each pair's
 * key and value, length-prefixed, sorted by the UTF-8 bytes of the key. No two contexts share an encoding.
 */
export function encodeContext(context: EncryptionContext): Buffer {
  const keys = Object.keys(context).sort(compareUtf8);
  const pieces: Buffer[] = [u32(keys.length)];
  for (const key of keys) pieces.push(lengthPrefixed(utf8(key)), lengthPrefixed(utf8(context[key]!)));
  return Buffer.concat(pieces);
}

/**
 * Whether JSON is a context: an object of texts. Half a surrogate pair has no UTF-8; all such would be encoded as one and the same
 * replacement character.
 */
export function isContext(json: unknown): json is Record<string, string> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return false;
  return Object.entries(json).every(([key, value]) => typeof value === 'string' && isUnicode(key) && isUnicode(value));
}

const isUnicode = (text: string): boolean => !/\p{Surrogate}/u.test(text);
