import { textOfBytes } from '../../base/byte-text.js';
import { OBJECT_KEY_MAX_BYTES } from '../../base/limits.js';
import { S3Error } from '../error.js';
import type { Field } from '../operation.js';

/** `x-amz-copy-source`: `[/]bucket/key[?versionId=id]`, key percent-encoded. */
export interface CopySource {
  bucket: string;
  key: string;
  versionId?: string;
}

const NAME = 'x-amz-copy-source';

export const copySource: Field<CopySource> = {
  read: ({ headers }) => {
    const sent = textOfBytes(headers[NAME] ?? '');
    const at = sent.indexOf('?versionId=');
    const path = decode(at < 0 ? sent : sent.slice(0, at)).replace(/^\//, '');
    const slash = path.indexOf('/');
    if (slash < 0 || slash === path.length - 1) throw invalid('Invalid copy source object key', NAME);
    if (path.startsWith('arn:'))
      throw invalid('Copy Source must mention the source bucket and key: sourcebucket/sourcekey', sent);
    // A URL's first segment among others.
    if (!/^[\w.-]+$/.test(path.slice(0, slash))) throw invalid('Invalid copy source bucket name', NAME);
    const source: CopySource = { bucket: path.slice(0, slash), key: path.slice(slash + 1) };
    if (Buffer.byteLength(source.key, 'utf8') > OBJECT_KEY_MAX_BYTES) throw new S3Error('KeyTooLongError');
    if (at >= 0) source.versionId = decode(sent.slice(at + '?versionId='.length));
    if (source.versionId === '') throw invalid('Version id cannot be the empty string', sent);
    return source;
  },
};

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', '%20'));
  } catch {
    throw invalid('Invalid copy source encoding', NAME);
  }
}

function invalid(message: string, value: string): S3Error {
  return new S3Error('InvalidArgument', { message, extra: { ArgumentName: NAME, ArgumentValue: value } });
}

/** `COPY` (the default) or `REPLACE`. */
export function directive(name: 'x-amz-metadata-directive' | 'x-amz-tagging-directive'): Field<'COPY' | 'REPLACE'> {
  return {
    read: ({ headers }) => {
      const value = headers[name];
      if (value === undefined || value === 'COPY') return 'COPY';
      if (value === 'REPLACE') return 'REPLACE';
      const what = name === 'x-amz-metadata-directive' ? 'metadata' : 'tagging';
      throw new S3Error('InvalidArgument', {
        message: `Unknown ${what} directive.`,
        extra: { ArgumentName: name, ArgumentValue: value },
      });
    },
  };
}
