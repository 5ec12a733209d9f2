import { textOfBytes } from '../../base/byte-text.js';
import { OBJECT_KEY_MAX_BYTES } from '../../base/limits.js';
import { S3Error } from '../error.js';
import type { Field } from '../operation.js';

const SOURCE = 'x-amz-rename-source';
const TOKEN = 'x-amz-client-token';

/**
 * `x-amz-rename-source`, percent-encoded: the key alone, or `/` and the key, or `/bucket/key`; clients send all three. The
 * bucket is the request's own.
 */
export const renameSource: Field<string> = {
  read: ({ headers, bucket }) => {
    const sent = textOfBytes(headers[SOURCE] ?? '');
    let path: string;
    try {
      path = decodeURIComponent(sent);
    } catch {
      throw invalid('Invalid rename source encoding', SOURCE, sent);
    }
    const inBucket = `/${bucket}/`;
    const key = path.startsWith(inBucket) ? path.slice(inBucket.length) : path.replace(/^\//, '');
    if (key === '') throw invalid('Invalid rename source object key', SOURCE, sent);
    if (Buffer.byteLength(key, 'utf8') > OBJECT_KEY_MAX_BYTES) throw new S3Error('KeyTooLongError');
    return key;
  },
};

/** `x-amz-client-token`: 1 to 64 printable characters of ASCII without the space. */
export const clientToken: Field<string | undefined> = {
  read: ({ headers }) => {
    const token = headers[TOKEN];
    if (token !== undefined && !/^[!-~]{1,64}$/.test(token)) throw invalid('Invalid client token', TOKEN, token);
    return token;
  },
};

function invalid(message: string, name: string, value: string): S3Error {
  return new S3Error('InvalidArgument', { message, extra: { ArgumentName: name, ArgumentValue: value } });
}
