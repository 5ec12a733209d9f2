import { S3Error } from '../error.js';

/** Bytes [start, end) of a body. */
export interface ByteRange {
  start: number;
  end: number;
}

/**
 * A `Range` header against a size (RFC 9110, section 14). Undefined: no range, the whole body is sent; that is also what S3
 * makes of a range it doesn't understand and of several ranges.
 * @throws InvalidRange where the range lies behind the end.
 */
export function parseRange(text: string | undefined, size: number): ByteRange | undefined {
  if (text === undefined) return undefined;
  const match = /^bytes=(\d*)-(\d*)$/.exec(text.trim());
  if (!match) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '') {
    if (last === '') return undefined;
    const length = Number(last);
    if (length === 0) throw invalidRange(text, size);
    // The last bytes of nothing are all of it.
    if (size === 0) return undefined;
    return { start: Math.max(0, size - length), end: size };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return undefined;
  if (start >= size) throw invalidRange(text, size);
  return { start, end: last === '' ? size : Math.min(size, Number(last) + 1) };
}

function invalidRange(text: string, size: number): S3Error {
  return new S3Error('InvalidRange', { extra: { RangeRequested: text, ActualObjectSize: String(size) } });
}

/** `x-amz-copy-source-range`: `bytes=first-last`, both given, inside the source. */
export function parseCopySourceRange(text: string | undefined, size: number): ByteRange | undefined {
  if (text === undefined) return undefined;
  const match = /^bytes=(\d+)-(\d+)$/.exec(text);
  if (!match || Number(match[1]) > Number(match[2])) {
    throw new S3Error('InvalidArgument', {
      message:
        'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy',
      extra: { ArgumentName: 'x-amz-copy-source-range', ArgumentValue: text },
    });
  }
  const [start, end] = [Number(match[1]), Number(match[2]) + 1];
  if (end > size) {
    if (start >= size) {
      throw new S3Error('InvalidRequest', {
        message: 'The specified copy range is invalid for the source object size',
      });
    }
    throw new S3Error('InvalidArgument', {
      message: `Range specified is not valid for source object of size: ${size}`,
      extra: { ArgumentName: 'x-amz-copy-source-range', ArgumentValue: text },
    });
  }
  return { start, end };
}
