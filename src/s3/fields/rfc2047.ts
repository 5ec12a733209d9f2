/**
 * User metadata beyond US-ASCII. Clients send it as raw UTF-8 bytes (which node:http hands over as latin1) or as RFC 2047 encoded
 * words; S3 stores the text and answers non-ASCII values as encoded words.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
 */

const WORD = /=\?UTF-8\?([BQ])\?([^?]*)\?=/gi;

/** From the header's latin1 text to what is stored. */
export function decodeHeaderValue(latin1: string): string {
  const raw = isAscii(latin1) ? latin1 : Buffer.from(latin1, 'latin1').toString('utf8');
  if (!raw.includes('=?')) return raw;
  return raw.replace(WORD, (whole, kind: string, text: string) => {
    const bytes = kind.toUpperCase() === 'B' ? decodeBase64(text) : decodeQ(text);
    return bytes === undefined ? whole : bytes.toString('utf8');
  });
}

/** From what is stored to a header value of US-ASCII alone. */
export function encodeHeaderValue(text: string): string {
  if (isPrintableAscii(text)) return text;
  const bytes = Buffer.from(text, 'utf8');
  const q = encodeQ(bytes);
  const b = bytes.toString('base64');
  // The shorter of the two forms, as AWS's answers show; Q where they tie.
  return q.length <= b.length + 24 && !hasControl(text) && !text.includes('\ufffd')
    ? `=?UTF-8?Q?${q}?=`
    : `=?UTF-8?B?${b}?=`;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

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
