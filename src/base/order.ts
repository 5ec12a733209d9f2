/**
 * UTF-8 byte order, the order of S3 listings and of every canonical encoding here.
 * JavaScript's own string order is by UTF-16 code unit and differs above U+FFFF.
 */
export function compareUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}
