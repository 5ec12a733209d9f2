import { isAscii } from '../../base/byte-text.js';

/**
 * User metadata beyond US-ASCII. What clients send as RFC 2047 encoded words is stored as its text and answered as encoded words,
 * as S3 does; what they send as raw bytes comes back as these bytes: in what is stored, U+DC80 … U+DCFF (which no text has) stand
 * for the bytes 0x80 … 0xFF.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
 */

const RAW = 0xdc00;
const WORD = /=\?UTF-8\?([BQ])\?([^?]*)\?=/gi;

/** From the header's latin1 text to what is stored. */
export function decodeHeaderValue(latin1: string): string {
  const raw = isAscii(latin1)
    ? latin1
    : latin1.replace(/[\x80-\xff]/g, (c) => String.fromCharCode(RAW + c.charCodeAt(0)));
  if (!raw.includes('=?')) return raw;
  return raw.replace(WORD, (whole, kind: string, text: string) => {
    const bytes = kind.toUpperCase() === 'B' ? decodeBase64(text) : decodeQ(text);
    return bytes === undefined ? whole : bytes.toString('utf8');
  });
}

/** From what is stored to a header's latin1 text. */
export function encodeHeaderValue(text: string): string {
  if (isPrintableAscii(text)) return text;
  if (/^[\t\x20-\x7e\udc80-\udcff]*$/.test(text)) return text.replace(/[\udc80-\udcff]/g, rawByte);
  const bytes = storedBytes(text);
  const q = encodeQ(bytes);
  const b = bytes.toString('base64');
  // The shorter of the two forms, as AWS's answers show; Q where they tie.
  return q.length <= b.length + 24 && !hasControl(text) && !text.includes('\ufffd')
    ? `=?UTF-8?Q?${q}?=`
    : `=?UTF-8?B?${b}?=`;
}

/** The text in UTF-8, raw bytes among it as they are. */
export function storedBytes(text: string): Buffer {
  if (!/[\udc80-\udcff]/.test(text)) return Buffer.from(text, 'utf8');
  const pieces = text.split(/(?<![\ud800-\udbff])([\udc80-\udcff]+)/);
  return Buffer.concat(
    pieces.map((piece, i) =>
      i % 2 === 1 ? Buffer.from(piece.replace(/[\udc80-\udcff]/g, rawByte), 'latin1') : Buffer.from(piece, 'utf8'),
    ),
  );
}

const rawByte = (character: string): string => String.fromCharCode(character.charCodeAt(0) - RAW);

function isPrintableAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code > 0x7e) return false;
  }
  return true;
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 0x20) return true;
  return false;
}

function decodeBase64(text: string): Buffer | undefined {
  return /^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0 ? Buffer.from(text, 'base64') : undefined;
}

function decodeQ(text: string): Buffer | undefined {
  const out: number[] = [];
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '_') out.push(0x20);
    else if (text[i] !== '=') out.push(text.charCodeAt(i));
    else {
      const hex = text.slice(i + 1, i + 3);
      if (!/^[0-9A-Fa-f]{2}$/.test(hex)) return undefined;
      out.push(Number.parseInt(hex, 16));
      i += 2;
    }
  }
  return Buffer.from(out);
}

function encodeQ(bytes: Buffer): string {
  let out = '';
  for (const byte of bytes) {
    const literal = byte > 0x20 && byte < 0x7f && byte !== 0x3d && byte !== 0x3f && byte !== 0x5f;
    if (byte === 0x20) out += '_';
    else out += literal ? String.fromCharCode(byte) : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}
