/**
 * Bytes of a header as text: a character for a byte, as node:http reads and writes them. What clients put there beyond ASCII is
 * UTF-8 as a rule, and may be anything.
 */

// biome-ignore lint/suspicious/noControlCharactersInRegex: everything that is no ASCII
const BEYOND_ASCII = /[^\x00-\x7f]/;

export const isAscii = (text: string): boolean => !BEYOND_ASCII.test(text);

/** The UTF-8 of a text. */
export const bytesOfText = (text: string): string =>
  isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1');

/** What the bytes say in UTF-8; what is no UTF-8 is read as ISO 8859-1. */
export function textOfBytes(bytes: string): string {
  if (isAscii(bytes)) return bytes;
  const raw = Buffer.from(bytes, 'latin1');
  const text = raw.toString('utf8');
  return Buffer.from(text, 'utf8').equals(raw) ? text : bytes;
}

/** Space that may stand around a header's value (RFC 9110, section 5.5), and no other: a byte of UTF-8 may look like it. */
export const trimBlanks = (text: string): string => text.replace(/^[ \t]+|[ \t]+$/g, '');
