import { compareUtf8 } from '../base/order.js';
import type { EncryptionContext } from './ports.js';

const COUNT_BYTES = 4;

/**
 * The one canonical encoding of an encryption context (FORMAT.md, "Encryption context"): u32 number of pairs, then each pair's
 * key and value, length-prefixed, sorted by the UTF-8 bytes of the key. No two contexts share an encoding.
 * Before it lie `headroom` unwritten bytes, for the caller's header.
 */
export function encodeContext(context: EncryptionContext, headroom = 0): Buffer {
  const keys = Object.keys(context).sort(compareUtf8);
  let bytes = headroom + COUNT_BYTES;
  for (const key of keys) bytes += 2 * COUNT_BYTES + Buffer.byteLength(key) + Buffer.byteLength(context[key]!);
  const out = Buffer.allocUnsafe(bytes);
  let at = out.writeUInt32BE(keys.length, headroom);
  const put = (text: string): void => {
    const length = out.write(text, at + COUNT_BYTES);
    at = out.writeUInt32BE(length, at) + length;
  };
  for (const key of keys) {
    put(key);
    put(context[key]!);
  }
  return out;
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
