import { S3Error } from '../error.js';
import type { Field } from '../operation.js';

/** `encoding-type`: `url` or nothing. */
export const encodingType: Field<'url' | undefined> = {
  read: ({ query }) => {
    const value = query.get('encoding-type');
    if (value === undefined || value === 'url') return value;
    throw new S3Error('InvalidArgument', {
      message: 'Invalid Encoding Method specified in Request',
      extra: { ArgumentName: 'encoding-type', ArgumentValue: value },
    });
  },
};

/** Keys in answers under `encoding-type=url`: all but unreserved characters and `/` as %XX, space as `+`, as S3 does. */
export function encodeKey(key: string, encoding: 'url' | undefined): string {
  if (encoding === undefined || /^[A-Za-z0-9_.\-/*]*$/.test(key)) return key;
  let out = '';
  for (const byte of Buffer.from(key, 'utf8')) {
    if (UNRESERVED[byte]) out += String.fromCharCode(byte);
    else if (byte === 0x20) out += '+';
    else out += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

const UNRESERVED = Array.from({ length: 256 }, (_, byte) => /[A-Za-z0-9_.\-/*]/.test(String.fromCharCode(byte)));
