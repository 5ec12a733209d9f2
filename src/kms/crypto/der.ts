/** Not DER, or not of the shape asked for. Says nothing about the bytes: they may be a private key. */
export class DerError extends Error {
  override name = 'DerError';
}

export const TAG = { integer: 0x02, bitString: 0x03, octetString: 0x04, oid: 0x06, sequence: 0x30 } as const;

export interface Element {
  tag: number;
  /** A view, not a copy. */
  content: Buffer;
}

/** The elements that `bytes` consists of, DER (X.690) with tags of one byte and nothing behind the last. @throws DerError */
export function elements(bytes: Buffer): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at]!;
    if ((tag & 0x1f) === 0x1f || at + 1 >= bytes.length) throw new DerError('unreadable tag');
    let length = bytes[at + 1]!;
    at += 2;
    if (length >= 0x80) {
      const count = length & 0x7f;
      // 4 bytes of length are more than anything here has; none at all means BER's indefinite length.
      if (count === 0 || count > 4 || at + count > bytes.length) throw new DerError('unreadable length');
      length = bytes.readUIntBE(at, count);
      at += count;
      if (length < 0x80 || length < 256 ** (count - 1)) throw new DerError('length is not the shortest');
    }
    if (at + length > bytes.length) throw new DerError('ends early');
    found.push({ tag, content: bytes.subarray(at, at + length) });
    at += length;
  }
  return found;
}

/** The content of the one element that `bytes` is. @throws DerError */
export function only(bytes: Buffer, tag: number): Buffer {
  const found = elements(bytes);
  if (found.length !== 1) throw new DerError('one element expected');
  return contentOf(found[0], tag);
}

/** @throws DerError where the element is absent or another one */
export function contentOf(element: Element | undefined, tag: number): Buffer {
  if (element?.tag !== tag) throw new DerError('another element expected');
  return element.content;
}

/** An INTEGER that isn't negative. @throws DerError */
export function unsigned(element: Element | undefined): bigint {
  const content = contentOf(element, TAG.integer);
  if (content.length === 0 || content[0]! >= 0x80) throw new DerError('positive integer expected');
  if (content.length > 1 && content[0] === 0 && content[1]! < 0x80) throw new DerError('integer is not the shortest');
  return BigInt(`0x${content.toString('hex')}`);
}
