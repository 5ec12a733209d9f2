import { hash } from 'node:crypto';
import { trimBlanks } from '../base/byte-text.js';
import type { SignedRequest } from './ports.js';

/**
 * Canonical requests of Signature Version 4, in S3's variant: the path is encoded once, not normalised. A character for a byte:
 * headers are signed as the bytes that came.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
export function canonicalRequest(
  request: SignedRequest,
  signedHeaders: readonly string[],
  payloadHash: string,
  withoutQuery?: string,
): string {
  const headers = signedHeaders.map((name) => `${name}:${headerValue(request.headers[name])}\n`).join('');
  return `${request.method}\n${canonicalPath(request.rawPath)}\n${canonicalQuery(request.rawQuery, withoutQuery)}\n${headers}\n${signedHeaders.join(';')}\n${payloadHash}`;
}

/** What a string to sign names a canonical request by. */
export const canonicalHash = (canonical: string): string => sha256Hex(Buffer.from(canonical, 'latin1'));

export const sha256Hex = (data: string | Uint8Array): string => hash('sha256', data, 'hex');

/** Surrounding space goes, runs of space become one. */
function headerValue(value: string | string[] | undefined): string {
  if (value === undefined) return '';
  const text = Array.isArray(value) ? value.join(',') : value;
  return trimBlanks(text).replace(/ {2,}/g, ' ');
}

const PLAIN_PATH = /^[A-Za-z0-9\-._~/]*$/;

/** Decoded once and encoded as AWS does, so that it doesn't matter which characters a client chose to escape. */
function canonicalPath(rawPath: string): string {
  return PLAIN_PATH.test(rawPath) ? rawPath : encode(decode(rawPath, false), true);
}

function canonicalQuery(rawQuery: string, without: string | undefined): string {
  if (rawQuery === '') return '';
  const pairs: [name: string, value: string][] = [];
  for (const part of rawQuery.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = canonicalText(equals < 0 ? part : part.slice(0, equals));
    if (name === without) continue;
    pairs.push([name, equals < 0 ? '' : canonicalText(part.slice(equals + 1))]);
  }
  // Encoded text is ASCII: its order by code unit is its order by byte.
  pairs.sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0));
  return pairs.map(([name, value]) => `${name}=${value}`).join('&');
}

const PLAIN_TEXT = /^[A-Za-z0-9\-._~]*$/;

const canonicalText = (text: string): string => (PLAIN_TEXT.test(text) ? text : encode(decode(text, true), false));

/** Percent-decoding to bytes; what isn't an escape stands for itself. */
function decode(text: string, plusIsSpace: boolean): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    const high = byte === 0x25 ? hexDigit(bytes[i + 1]) : -1;
    const low = high < 0 ? -1 : hexDigit(bytes[i + 2]);
    if (low >= 0) {
      bytes[length++] = (high << 4) | low;
      i += 2;
    } else {
      bytes[length++] = plusIsSpace && byte === 0x2b ? 0x20 : byte;
    }
  }
  return bytes.subarray(0, length);
}

function hexDigit(code: number | undefined): number {
  if (code === undefined) return -1;
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

const ENCODED = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  return /[A-Za-z0-9\-._~]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
});

function encode(bytes: Buffer, keepSlash: boolean): string {
  let out = '';
  for (const byte of bytes) out += keepSlash && byte === 0x2f ? '/' : ENCODED[byte]!;
  return out;
}
